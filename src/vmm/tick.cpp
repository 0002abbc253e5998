#include "vmm/tick.h"

namespace pv::vmm {

Result<std::unique_ptr<Tick>> Tick::create(loop::EventLoop& loop, std::function<bool()> work) {
  std::unique_ptr<Tick> tick(new Tick(std::move(work)));
  Tick* raw = tick.get();
  tick->timer_ = TRY(loop.timer([raw] { raw->expired(); }));
  return tick;
}

void Tick::start() {
  idle_ = 0;
  slow_.store(false, std::memory_order_relaxed);
  timer_->arm(fast);
}

void Tick::stop() { timer_->cancel(); }

void Tick::wake() {
  if (slow_.exchange(false, std::memory_order_relaxed)) timer_->arm(fast);
}

// Slow is announced before the work is done and looked at again after the timer is set, so that a
// wake() at any time in between shortens this wait.
void Tick::expired() {
  constexpr unsigned patience = 8;
  if (idle_ >= patience) slow_.store(true, std::memory_order_relaxed);
  idle_ = work_() ? 0 : idle_ + 1;
  if (idle_ == 0) slow_.store(false, std::memory_order_relaxed);
  bool slow_down = slow_.load(std::memory_order_relaxed);
  timer_->arm(slow_down ? slow : fast);
  if (slow_down && !slow_.load(std::memory_order_relaxed)) timer_->arm(fast);
}

}  // namespace pv::vmm
