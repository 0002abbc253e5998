// Executor: where a device's deferred work runs. A device is given an executor, never the loop, so
// that its queues can move to a thread of their own.
#pragma once

#include <functional>

namespace pv::loop {

class Executor {
 public:
  virtual ~Executor() = default;
  // Runs `task` soon, once, on the executor's thread. Any thread may call.
  virtual void post(std::function<void()> task) = 0;
};

// For tests and for work that is cheap enough to do at once.
class InlineExecutor final : public Executor {
 public:
  void post(std::function<void()> task) override { task(); }
};

}  // namespace pv::loop
