#include "virtio/mmio_transport.h"

namespace pv::virtio {
namespace {

using enum spec::mmio::Reg;

}  // namespace

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
    case DeviceFeatures: return device_features();
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
    enable_queue(index);
  }
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

Result<void> VirtioMmio::restore(StateReader& in) {
  TRY(restore_state(in));
  update_irq();
  return {};
}

}  // namespace pv::virtio
