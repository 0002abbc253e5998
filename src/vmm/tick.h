// Tick: the monitor's only periodic work: every 10 ms it delivers writes that the kernel has
// collected and flushes the console, so that a hung guest's last words are seen. When there has
// been nothing to do for a while it slows down to 80 ms; wake() brings it back to 10.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/result.h"
#include "loop/event_loop.h"

namespace pv::vmm {

class Tick {
 public:
  static constexpr std::chrono::milliseconds fast{10};
  static constexpr std::chrono::milliseconds slow{80};

  // `work` runs on the loop's thread and says whether there was anything to do.
  static Result<std::unique_ptr<Tick>> create(loop::EventLoop& loop, std::function<bool()> work);

  void start();
  void stop();
  // There is something to do soon. Any thread; cheap when the tick is fast already.
  void wake();

 private:
  explicit Tick(std::function<bool()> work) : work_(std::move(work)) {}
  void expired();

  std::function<bool()> work_;
  std::unique_ptr<loop::EventLoop::Timer> timer_;
  std::atomic<bool> slow_{true};
  unsigned idle_ = 0;
};

}  // namespace pv::vmm
