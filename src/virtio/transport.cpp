#include "virtio/transport.h"

#include <utility>

namespace pv::virtio {
namespace {

constexpr u32 known_status = spec::status_acknowledge | spec::status_driver |
                             spec::status_driver_ok | spec::status_features_ok |
                             spec::status_failed;
constexpr u8 state_version = 1;

}  // namespace

Transport::Transport(VirtioDevice& device, memory::GuestMemory& memory, loop::Executor& executor,
                     Log& log)
    : device_(device), executor_(executor), log_(log) {
  const std::span<const u16> sizes = device.queue_sizes();
  CHECK(sizes.size() <= 64);
  queues_.reserve(sizes.size());
  for (const u16 max : sizes) queues_.emplace_back(memory, max);
  device.attach(*this);
}

u64 Transport::offered_features() const {
  return device_.features() | spec::feature_version_1 | spec::feature_indirect_desc |
         spec::feature_event_idx | (legacy_ ? spec::feature_any_layout : 0);
}

bool Transport::running() const {
  return (state_.status & spec::status_driver_ok) != 0 &&
         (state_.status & spec::status_needs_reset) == 0 && !paused_;
}

Queue* Transport::selected() {
  return state_.queue_sel < queues_.size() ? &queues_[state_.queue_sel] : nullptr;
}

void Transport::write_driver_features(u32 value) {
  // The selection is settled once FEATURES_OK is set (3.1.1, step 5).
  if ((state_.status & spec::status_features_ok) != 0 || state_.driver_features_sel > 1) return;
  set_half(state_.driver_features, state_.driver_features_sel, value);
}

void Transport::enable_queue(u16 index) {
  // The rings' features are known by now: a driver sets queues up after FEATURES_OK (3.1.1).
  const bool indirect = (state_.driver_features & spec::feature_indirect_desc) != 0;
  const bool event_idx = (state_.driver_features & spec::feature_event_idx) != 0;
  if (!queues_[index].enable(indirect, event_idx)) needs_reset(index);
}

void Transport::write_status(u32 value) {
  if (value == 0) return reset();
  u32 fresh = value & known_status & ~state_.status;  // bits are only ever added (2.1.1)
  const u64 wanted = state_.driver_features;
  const bool unknown_wanted = (wanted & ~offered_features()) != 0;
  if (unknown_wanted || (wanted & spec::feature_version_1) == 0)
    fresh &= ~u32{spec::status_features_ok};
  const bool agreed =
      legacy_ ? !unknown_wanted : ((state_.status | fresh) & spec::status_features_ok) != 0;
  if (!agreed) fresh &= ~u32{spec::status_driver_ok};
  state_.status |= fresh;
  // Some drivers offer buffers before DRIVER_OK and do not notify again.
  if ((fresh & spec::status_driver_ok) != 0) notify_all();
}

void Transport::notify(u32 index) {
  if (index >= queues_.size() || !running() || !queues_[index].ready()) return;
  device_.notify(static_cast<u16>(index));
}

void Transport::notify_inline(u32 index) {
  if (!device_.asynchronous()) return notify(index);
  if (index < queues_.size()) defer(static_cast<u16>(index));
}

void Transport::notify_all() {
  for (u32 i = 0; i < queues_.size(); ++i) notify_inline(i);
}

void Transport::notify_from_executor(u16 queue) {
  std::lock_guard lock(device_mutex());
  notify(queue);
}

void Transport::defer(u16 index) {
  // One task for a queue at a time, however often a guest notifies.
  if ((deferred_ & spec::bit(index)) != 0) return;
  deferred_ |= spec::bit(index);
  executor_.post([this, index] {
    std::lock_guard lock(device_mutex());
    deferred_ &= ~spec::bit(index);
    notify(index);
  });
}

void Transport::finish(u16 index) {
  Queue& queue = queues_[index];
  if (queue.take_interrupt()) queue_interrupt(index);
  if (queue.fault() != QueueFault::none) needs_reset(index);
}

void Transport::config_changed() {
  ++state_.generation;
  if ((state_.status & spec::status_driver_ok) != 0) config_interrupt();
}

void Transport::needs_reset(u16 index) {
  if ((state_.status & spec::status_needs_reset) != 0) return;
  log_.guest(complaints_, "{}: the guest broke queue {}: {}; waiting for it to reset the device",
             device_.name(), index, describe(queues_[index].fault()));
  state_.status |= spec::status_needs_reset;
  if ((state_.status & spec::status_driver_ok) != 0) config_interrupt();
}

void Transport::reset() {
  device_.reset();
  for (Queue& queue : queues_) queue.reset();
  const u32 generation = state_.generation;
  state_ = State{};
  state_.generation = generation;
  interrupts_reset();
}

void Transport::pause() {
  std::lock_guard lock(device_mutex());
  device_.quiesce();
  paused_ = true;
}

void Transport::resume() {
  std::lock_guard lock(device_mutex());
  paused_ = false;
  notify_all();
}

void Transport::save_state(StateWriter& out) const {
  device_.quiesce();
  out.put8(state_version);
  out.put32(device_.device_id());
  out.put32(state_.status);
  out.put32(state_.device_features_sel);
  out.put32(state_.driver_features_sel);
  out.put64(state_.driver_features);
  out.put32(state_.queue_sel);
  out.put32(state_.interrupt_status);
  out.put32(state_.generation);
  for (const Queue& queue : queues_) queue.save(out);
  device_.save(out);
}

Result<void> Transport::restore_state(StateReader& in) {
  if (in.get8() != state_version || in.get32() != device_.device_id())
    return fail(Error::Kind::image, "the saved state is not one of this virtio device");
  State state;
  state.status = in.get32();
  state.device_features_sel = in.get32();
  state.driver_features_sel = in.get32();
  state.driver_features = in.get64();
  state.queue_sel = in.get32();
  state.interrupt_status = in.get32();
  state.generation = in.get32();
  const bool negotiated =
      (state.status & (legacy_ ? u32{spec::status_driver_ok} : u32{spec::status_features_ok})) != 0;
  if (in.bad() || (state.status & ~(known_status | u32{spec::status_needs_reset})) != 0 ||
      (negotiated && (state.driver_features & ~offered_features()) != 0))
    return fail(Error::Kind::image, "the saved state of a virtio device does not fit this one");
  std::vector<Queue> queues = queues_;
  for (Queue& queue : queues)
    TRY(queue.restore(in, (state.driver_features & spec::feature_indirect_desc) != 0,
                      (state.driver_features & spec::feature_event_idx) != 0));
  // What this device has in flight belongs to the state that goes away.
  device_.quiesce();
  TRY(device_.restore(in));
  queues_ = std::move(queues);
  state_ = state;
  for (u16 i = 0; i < queues_.size(); ++i) defer(i);
  return {};
}

}  // namespace pv::virtio
