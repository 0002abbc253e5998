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

void Tick::expired() {
  constexpr unsigned patience = 8;
  idle_ = work_() ? 0 : idle_ + 1;
  bool slow_down = idle_ > patience;
  slow_.store(slow_down, std::memory_order_relaxed);
  timer_->arm(slow_down ? slow : fast);
}

}  // namespace pv::vmm
