#include "virtio/mmio_transport.h"

#include <utility>

namespace pv::virtio {
namespace {

using enum spec::mmio::Reg;

constexpr u32 known_status = spec::status_acknowledge | spec::status_driver |
                             spec::status_driver_ok | spec::status_features_ok |
                             spec::status_failed;
constexpr u8 state_version = 1;

u32 half(u64 value, u32 select) {
  return select > 1 ? 0 : static_cast<u32>(value >> (32 * select));
}
void set_half(u64& value, unsigned which, u32 to) {
  const unsigned shift = 32 * which;
  value = (value & ~(u64{0xffff'ffff} << shift)) | u64{to} << shift;
}

}  // namespace

VirtioMmio::VirtioMmio(VirtioDevice& device, memory::GuestMemory& memory, hv::IrqLine& irq,
                       loop::Executor& executor, Log& log, std::endian bus_order)
    : device_(device), irq_(irq), executor_(executor), log_(log), bus_order_(bus_order) {
  const std::span<const u16> sizes = device.queue_sizes();
  CHECK(sizes.size() <= 64);
  queues_.reserve(sizes.size());
  for (const u16 max : sizes) queues_.emplace_back(memory, max);
  device.attach(*this);
}

VirtioMmio::~VirtioMmio() { device_.reset(); }

u64 VirtioMmio::offered_features() const {
  return device_.features() | spec::feature_version_1 | spec::feature_indirect_desc |
         spec::feature_event_idx;
}

bool VirtioMmio::running() const {
  return (state_.status & spec::status_driver_ok) != 0 &&
         (state_.status & spec::status_needs_reset) == 0 && !paused_;
}

Queue* VirtioMmio::selected() {
  return state_.queue_sel < queues_.size() ? &queues_[state_.queue_sel] : nullptr;
}

u64 VirtioMmio::read(bus::Access access) { return ordered(read_value(access), access.width); }

u64 VirtioMmio::read_value(bus::Access access) {
  if (access.offset >= Config) {
    u8 raw[8] = {};
    device_.read_config(access.offset - Config,
                        MutableBytes(raw, static_cast<usize>(bus::bytes(access.width))));
    return load_as<Le64>(raw, 0);
  }
  if (access.width != bus::Width::word || !is_aligned(access.offset, 4))
    return bus::all_ones(access.width);
  return read_register(static_cast<u32>(access.offset));
}

u32 VirtioMmio::read_register(u32 offset) {
  const Queue* queue = selected();
  switch (offset) {
    case MagicValue: return spec::mmio::magic;
    case Version: return spec::mmio::version;
    case DeviceID: return device_.device_id();
    case VendorID: return spec::mmio::vendor;
    case DeviceFeatures: return half(offered_features(), state_.device_features_sel);
    case QueueSizeMax: return queue != nullptr ? queue->max_size() : 0;
    case QueueReady: return queue != nullptr && queue->ready() ? 1 : 0;
    case InterruptStatus: return state_.interrupt_status;
    case Status: return state_.status;
    case ConfigGeneration: return state_.generation;
    default: return ~u32{0};  // among them the length of a shared memory region we do not have
  }
}

void VirtioMmio::write(bus::Access access, u64 value) {
  value = ordered(value, access.width);
  if (access.offset >= Config) {
    const Le64 raw = value;
    device_.write_config(
        access.offset - Config,
        Bytes(reinterpret_cast<const u8*>(&raw), static_cast<usize>(bus::bytes(access.width))));
    return;
  }
  if (access.width != bus::Width::word || !is_aligned(access.offset, 4)) return;
  write_register(static_cast<u32>(access.offset), static_cast<u32>(value));
}

void VirtioMmio::write_register(u32 offset, u32 value) {
  switch (offset) {
    case DeviceFeaturesSel: state_.device_features_sel = value; break;
    case DriverFeaturesSel: state_.driver_features_sel = value; break;
    case DriverFeatures: write_driver_features(value); break;
    case QueueSel: state_.queue_sel = value; break;
    case QueueNotify: notify_inline(value); break;
    case InterruptACK:
      state_.interrupt_status &= ~value;
      update_irq();
      break;
    case Status: write_status(value); break;
    default: write_queue_register(offset, value);
  }
}

void VirtioMmio::write_driver_features(u32 value) {
  // The selection is settled once FEATURES_OK is set (3.1.1, step 5).
  if ((state_.status & spec::status_features_ok) != 0 || state_.driver_features_sel > 1) return;
  set_half(state_.driver_features, state_.driver_features_sel, value);
}

void VirtioMmio::write_queue_register(u32 offset, u32 value) {
  Queue* queue = selected();
  if (queue == nullptr) return;
  if (offset == QueueReady) return write_ready(*queue, value);
  if (queue->ready()) return;  // the set-up of a queue in use is fixed (4.2.2.2)
  QueueSetup& setup = queue->setup();
  switch (offset) {
    case QueueSize: setup.size = value; break;
    case QueueDescLow: set_half(setup.descriptors, 0, value); break;
    case QueueDescHigh: set_half(setup.descriptors, 1, value); break;
    case QueueDriverLow: set_half(setup.avail, 0, value); break;
    case QueueDriverHigh: set_half(setup.avail, 1, value); break;
    case QueueDeviceLow: set_half(setup.used, 0, value); break;
    case QueueDeviceHigh: set_half(setup.used, 1, value); break;
    default: break;
  }
}

void VirtioMmio::write_ready(Queue& queue, u32 value) {
  const u16 index = static_cast<u16>(state_.queue_sel);
  if (value == 0) {
    if (!queue.ready()) return;
    device_.reset_queue(index);
    queue.disable();
  } else if (value == 1 && !queue.ready()) {
    // The rings' features are known by now: a driver sets queues up after FEATURES_OK (3.1.1).
    const bool indirect = (state_.driver_features & spec::feature_indirect_desc) != 0;
    const bool event_idx = (state_.driver_features & spec::feature_event_idx) != 0;
    if (!queue.enable(indirect, event_idx)) needs_reset(index);
  }
}

void VirtioMmio::write_status(u32 value) {
  if (value == 0) return reset();
  u32 fresh = value & known_status & ~state_.status;  // bits are only ever added (2.1.1)
  if ((fresh & spec::status_features_ok) != 0) {
    const u64 wanted = state_.driver_features;
    if ((wanted & ~offered_features()) != 0 || (wanted & spec::feature_version_1) == 0)
      fresh &= ~u32{spec::status_features_ok};
  }
  if (((state_.status | fresh) & spec::status_features_ok) == 0)
    fresh &= ~u32{spec::status_driver_ok};
  state_.status |= fresh;
  // Some drivers offer buffers before DRIVER_OK and do not notify again.
  if ((fresh & spec::status_driver_ok) != 0) notify_all();
}

void VirtioMmio::notify(u32 index) {
  if (index >= queues_.size() || !running() || !queues_[index].ready()) return;
  device_.notify(static_cast<u16>(index));
}

// What takes time is not done on the vCPU's thread.
void VirtioMmio::notify_inline(u32 index) {
  if (!device_.asynchronous()) return notify(index);
  if (index < queues_.size()) defer(static_cast<u16>(index));
}

void VirtioMmio::notify_all() {
  for (u32 i = 0; i < queues_.size(); ++i) notify_inline(i);
}

void VirtioMmio::notify_from_executor(u16 queue) {
  std::lock_guard lock(mutex());
  notify(queue);
}

void VirtioMmio::defer(u16 index) {
  // One task for a queue at a time, however often a guest notifies.
  if ((deferred_ & spec::bit(index)) != 0) return;
  deferred_ |= spec::bit(index);
  executor_.post([this, index] {
    std::lock_guard lock(mutex());
    deferred_ &= ~spec::bit(index);
    notify(index);
  });
}

void VirtioMmio::finish(u16 index) {
  Queue& queue = queues_[index];
  if (queue.take_interrupt()) raise(spec::mmio::interrupt_used);
  if (queue.fault() != QueueFault::none) needs_reset(index);
}

void VirtioMmio::config_changed() {
  ++state_.generation;
  if ((state_.status & spec::status_driver_ok) != 0) raise(spec::mmio::interrupt_config);
}

void VirtioMmio::needs_reset(u16 index) {
  if ((state_.status & spec::status_needs_reset) != 0) return;
  log_.guest(complaints_, "{}: the guest broke queue {}: {}; waiting for it to reset the device",
             device_.name(), index, describe(queues_[index].fault()));
  state_.status |= spec::status_needs_reset;
  if ((state_.status & spec::status_driver_ok) != 0) raise(spec::mmio::interrupt_config);
}

void VirtioMmio::reset() {
  device_.reset();
  for (Queue& queue : queues_) queue.reset();
  const u32 generation = state_.generation;
  state_ = State{};
  state_.generation = generation;
  update_irq();
}

void VirtioMmio::raise(u32 cause) {
  state_.interrupt_status |= cause;
  update_irq();
}

void VirtioMmio::update_irq() {
  const bool level = state_.interrupt_status != 0;
  if (level == irq_level_) return;
  irq_level_ = level;
  irq_.set(level);
}

void VirtioMmio::pause() {
  std::lock_guard lock(mutex());
  device_.quiesce();
  paused_ = true;
}

void VirtioMmio::resume() {
  std::lock_guard lock(mutex());
  paused_ = false;
  notify_all();
}

void VirtioMmio::save(StateWriter& out) const {
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

Result<void> VirtioMmio::restore(StateReader& in) {
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
  const bool negotiated = (state.status & spec::status_features_ok) != 0;
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
  update_irq();
  for (u16 i = 0; i < queues_.size(); ++i) defer(i);
  return {};
}

}  // namespace pv::virtio
