// Signals as events of the loop (signalfd). They are blocked in the creating thread and so in every
// thread that it starts later: create this before any other thread.
//
// A signal that was ignored when the process was started (nohup, background jobs of scripts) stays
// ignored. SIGPIPE and SIGXFSZ are blocked as well: a write to a closed pipe or
// beyond a size limit fails with EPIPE or EFBIG instead.
#pragma once

#include <signal.h>

#include <functional>
#include <memory>

#include "base/result.h"
#include "loop/event_loop.h"

namespace pv::cli {

// Whether this process ignores the signal.
bool ignored(int signal);

class Signals final {
 public:
  struct Handlers {
    std::function<void(int signal)> stop;  // SIGINT, SIGTERM, SIGHUP
    std::function<void()> resized;         // SIGWINCH
    std::function<void()> suspend;         // SIGTSTP: does not halt the process by itself
    std::function<void()> continued;       // SIGCONT: after the process went on
  };
  // Errors (host): no signalfd.
  static Result<std::unique_ptr<Signals>> create(loop::EventLoop& loop, Handlers handlers);
  // The mask is as before. A signal that has not been handled by now came too late for that and is
  // forgotten, or it would end the process instead of what the run ended with.
  ~Signals();

  // Handles what has arrived without waiting for the loop to do so.
  void deliver() { ready(); }

 private:
  Signals(loop::EventLoop& loop, Handlers handlers, const sigset_t& before, Fd fd)
      : loop_(loop), handlers_(std::move(handlers)), before_(before), fd_(std::move(fd)) {}
  void ready();

  loop::EventLoop& loop_;
  Handlers handlers_;
  sigset_t before_;
  Fd fd_;
};

}  // namespace pv::cli
