// EventLoop: one thread that waits for descriptors, timers and signals (epoll, timerfd, signalfd)
// and runs posted tasks. Everything it calls is called on its own thread.
//
// Nothing starts ticking by itself: an idle loop makes no system call.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "loop/executor.h"

namespace pv::loop {

class EventLoop final : public Executor {
 public:
  using Callback = std::function<void()>;

  static Result<std::unique_ptr<EventLoop>> create();
  ~EventLoop() override;

  // Calls `ready` whenever the descriptor is readable, at its end or in error. The caller keeps
  // the descriptor open until unwatch(). Errors: the descriptor cannot be polled (a regular file).
  Result<void> watch(int fd, Callback ready) { return watch(fd, EPOLLIN, std::move(ready)); }
  Result<void> watch(int fd, u32 epoll_events, Callback ready);
  void unwatch(int fd);

  // A one-shot timer that can be armed from any thread; arming again moves it.
  class Timer {
   public:
    void arm(std::chrono::nanoseconds after);
    void cancel();

   private:
    friend class EventLoop;
    Fd fd_;
  };
  Result<std::unique_ptr<Timer>> timer(Callback expired);

  void post(Callback task) override;

  // Runs until stop(); stop() may be called from any thread, also before run().
  Result<void> run();
  void stop();

 private:
  struct Watch {
    int fd;
    Callback ready;
  };
  EventLoop(Fd epoll, Fd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  void run_posted();

  Fd epoll_;
  Fd wake_;  // eventfd: posted work or stop
  std::map<int, std::shared_ptr<Watch>> watches_;
  std::mutex mutex_;
  std::vector<Callback> posted_;
  bool stopping_ = false;
};

}  // namespace pv::loop
