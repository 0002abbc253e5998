#include "virtio/pci_transport.h"

#include <bit>

namespace pv::virtio {
namespace {

using bus::Width;
using namespace spec::pci;

constexpr u8 state_version = 1;
constexpr unsigned legacy_bar = 0, modern_bar = 1;
constexpr u64 legacy_size = 0x80;

// The page of BAR 1.
constexpr u32 common_at = 0x000, isr_at = 0x100, config_at = 0x200, notify_at = 0x300;
constexpr u32 msix_table_at = 0x400, msix_pending_at = 0x900;
constexpr u64 modern_size = 0x1000;
constexpr u32 config_room = 0x100, notify_room = 0x100;
// 64 queues and the configuration have a vector each at most.
static_assert(notify_room / notify_multiplier >= 64);
static_assert(msix_table_at + 65 * pci::spec::msix_entry_size <= msix_pending_at);

u32 class_of(u32 device) {
  switch (device) {
    case spec::device_net: return 0x020000;
    case spec::device_block: return 0x018000;
    case spec::device_console: return 0x078000;
    default: return 0x00ff00;
  }
}

// Section 4.1.2.1: ids of devices that have a legacy interface; 0: none.
u16 transitional_id(u32 device) {
  switch (device) {
    case spec::device_net: return 0x1000;
    case spec::device_block: return 0x1001;
    case spec::device_console: return 0x1003;
    case spec::device_entropy: return 0x1005;
    default: return 0;
  }
}

bool is_legacy(const VirtioDevice& device, VirtioPci::Kind kind) {
  return kind == VirtioPci::Kind::transitional && transitional_id(device.device_id()) != 0;
}

pci::Identity identity(const VirtioDevice& device, VirtioPci::Kind kind) {
  const u32 id = device.device_id();
  const bool legacy = is_legacy(device, kind);
  const auto subsystem = static_cast<u16>(legacy ? id : first_subsystem + id);
  return {.vendor = vendor,
          .device = legacy ? transitional_id(id) : static_cast<u16>(first_modern_id + id),
          .subsystem_vendor = vendor,
          .subsystem = subsystem,
          .class_code = class_of(id),
          .revision = static_cast<u8>(legacy ? 0 : 1),
          .interrupt = true};
}

}  // namespace

VirtioPci::VirtioPci(VirtioDevice& device, memory::GuestMemory& memory, hv::MsiTarget* msis,
                     loop::Executor& executor, Log& log, Kind kind)
    : Function(identity(device, kind), device.name()),
      Transport(device, memory, executor, log),
      config_vector_(no_vector),
      queue_vectors_(queue_count(), no_vector) {
  legacy_ = is_legacy(device, kind);
  if (legacy_) registers().add_bar(legacy_bar, pci::BarKind::io, legacy_size);
  registers().add_bar(modern_bar, pci::BarKind::memory32, modern_size);
  add_capabilities();
  if (msis != nullptr)
    use_msix(*msis, queue_count() + 1u, modern_bar, msix_table_at, msix_pending_at);
}

void VirtioPci::add_capabilities() {
  const auto add = [&](u8 type, u32 offset, u32 length, u32 extra, usize size) {
    const Capability body{
        static_cast<u8>(size + 2), type, modern_bar, 0, {}, offset, length, extra};
    return registers().add_capability(pci::spec::capability_vendor,
                                      Bytes(reinterpret_cast<const u8*>(&body), size));
  };
  constexpr usize plain = sizeof(Capability) - sizeof(Le32);
  add(cap_common, common_at, common_size, 0, plain);
  add(cap_isr, isr_at, 1, 0, plain);
  add(cap_device, config_at, config_room, 0, plain);
  add(cap_notify, notify_at, u32{queue_count()} * notify_multiplier, notify_multiplier,
      sizeof(Capability));
  // Section 4.1.4.9: BAR, offset, length and data are the driver's.
  const Capability window{sizeof(Capability) + 2, cap_pci_cfg, 0, 0, {}, 0u, 0u, 0u};
  const Capability writable{0, 0, 0xff, 0, {}, ~0u, ~0u, ~0u};
  config_window_ = registers().add_capability(
      pci::spec::capability_vendor, Bytes(reinterpret_cast<const u8*>(&window), sizeof window),
      Bytes(reinterpret_cast<const u8*>(&writable), sizeof writable));
}

void VirtioPci::set_doorbell(u16 queue, int event) {
  add_doorbell(modern_bar, {notify_at + u64{queue} * notify_multiplier, 2, {}, event});
  if (legacy_) add_doorbell(legacy_bar, {legacy::QueueNotify, 2, queue, event});
}

// The window in the configuration registers, for firmware that cannot map a BAR.
void VirtioPci::access_by_config(bool write) {
  const pci::ConfigSpace& config = registers();
  const unsigned bar = config.get8(config_window_ + 4u);
  const u32 offset = config.get32(config_window_ + 8u);
  const u32 length = config.get32(config_window_ + 12u);
  const u32 data = config_window_ + 16u;
  if (length != 1 && length != 2 && length != 4) return;
  if (bar >= pci::spec::bar_count || offset % length != 0 || offset >= config.bar_size(bar)) return;
  const bus::Access access{bar_offset(bar) + offset, static_cast<Width>(length)};
  if (write) return Function::write(access, config.get32(data) & bus::all_ones(access.width));
  const u64 value = Function::read(access);
  for (u32 i = 0; i < length; ++i) registers().set8(data + i, static_cast<u8>(value >> (8 * i)));
}

u32 VirtioPci::config_read(u32 offset, Width width) {
  if (offset - (config_window_ + 16u) < 4) access_by_config(false);
  return Function::config_read(offset, width);
}

void VirtioPci::config_write(u32 offset, Width width, u32 value) {
  Function::config_write(offset, width, value);
  if (offset - (config_window_ + 16u) < 4) access_by_config(true);
}

u64 VirtioPci::bar_read(unsigned bar, bus::Access access) {
  return bar == legacy_bar ? read_legacy(access) : read_modern(access);
}

void VirtioPci::bar_write(unsigned bar, bus::Access access, u64 value) {
  if (bar == legacy_bar)
    write_legacy(access, value);
  else
    write_modern(access, value);
}

u64 VirtioPci::read_device_config(u64 offset, Width width) {
  u8 raw[8] = {};
  device_.read_config(offset, MutableBytes(raw, static_cast<usize>(bus::bytes(width))));
  return load_as<Le64>(raw, 0);
}

void VirtioPci::write_device_config(u64 offset, Width width, u64 value) {
  const Le64 raw = value;
  device_.write_config(
      offset, Bytes(reinterpret_cast<const u8*>(&raw), static_cast<usize>(bus::bytes(width))));
}

u64 VirtioPci::read_modern(bus::Access access) {
  const u64 offset = access.offset;
  if (offset < isr_at) return read_common(static_cast<u32>(offset), access.width);
  if (offset == isr_at) return read_isr();
  if (offset - config_at < config_room) return read_device_config(offset - config_at, access.width);
  return bus::all_ones(access.width);
}

void VirtioPci::write_modern(bus::Access access, u64 value) {
  const u64 offset = access.offset;
  if (offset < isr_at) return write_common(static_cast<u32>(offset), access.width, value);
  if (offset - config_at < config_room)
    return write_device_config(offset - config_at, access.width, value);
  // The address says which queue; the value only repeats it.
  if (offset - notify_at < notify_room && (offset - notify_at) % notify_multiplier == 0 &&
      bus::bytes(access.width) <= 4)
    notify_inline(static_cast<u32>((offset - notify_at) / notify_multiplier));
}

u64 VirtioPci::read_common(u32 offset, Width width) {
  if (width == Width::dword && offset % 8 == 0)  // as a processor may do to a 64-bit field
    return read_common(offset, Width::word) | read_common(offset + 4, Width::word) << 32;
  if (bus::bytes(width) != common_width(offset)) return bus::all_ones(width);
  const Queue* queue = selected();
  const QueueSetup setup = queue != nullptr ? queue->setup() : QueueSetup{};
  switch (offset) {
    case DeviceFeatureSelect: return state_.device_features_sel;
    case DeviceFeature: return device_features();
    case DriverFeatureSelect: return state_.driver_features_sel;
    case DriverFeature: return half(state_.driver_features, state_.driver_features_sel);
    case ConfigMsixVector: return config_vector_;
    case NumQueues: return queue_count();
    case DeviceStatus: return state_.status;
    case ConfigGeneration: return state_.generation & 0xff;
    case QueueSelect: return state_.queue_sel;
    case QueueSize: return queue == nullptr ? 0 : setup.size != 0 ? setup.size : queue->max_size();
    case QueueMsixVector: return queue_vector();
    case QueueEnable: return queue != nullptr && queue->ready() ? 1 : 0;
    case QueueNotifyOff: return queue != nullptr ? state_.queue_sel : 0;
    case QueueDesc: return half(setup.descriptors, 0);
    case QueueDesc + 4: return half(setup.descriptors, 1);
    case QueueDriver: return half(setup.avail, 0);
    case QueueDriver + 4: return half(setup.avail, 1);
    case QueueDevice: return half(setup.used, 0);
    case QueueDevice + 4: return half(setup.used, 1);
    default: return bus::all_ones(width);
  }
}

void VirtioPci::write_common(u32 offset, Width width, u64 value) {
  if (width == Width::dword && offset % 8 == 0) {
    write_common(offset, Width::word, value & 0xffff'ffff);
    return write_common(offset + 4, Width::word, value >> 32);
  }
  if (bus::bytes(width) != common_width(offset)) return;
  const u32 word = static_cast<u32>(value);
  switch (offset) {
    case DeviceFeatureSelect: state_.device_features_sel = word; break;
    case DriverFeatureSelect: state_.driver_features_sel = word; break;
    case DriverFeature: write_driver_features(word); break;
    case ConfigMsixVector: config_vector_ = known_vector(value); break;
    case DeviceStatus: write_status(word); break;
    case QueueSelect: state_.queue_sel = word; break;
    case QueueMsixVector: set_queue_vector(value); break;
    default: write_common_queue(offset, word);
  }
}

void VirtioPci::write_common_queue(u32 offset, u32 value) {
  Queue* queue = selected();
  if (queue == nullptr || queue->ready()) return;  // the set-up of a queue in use is fixed
  QueueSetup& setup = queue->setup();
  switch (offset) {
    case QueueSize: setup.size = value; break;
    case QueueEnable:
      if (setup.size == 0) setup.size = queue->max_size();
      if (value == 1) enable_queue(static_cast<u16>(state_.queue_sel));
      break;
    case QueueDesc: set_half(setup.descriptors, 0, value); break;
    case QueueDesc + 4: set_half(setup.descriptors, 1, value); break;
    case QueueDriver: set_half(setup.avail, 0, value); break;
    case QueueDriver + 4: set_half(setup.avail, 1, value); break;
    case QueueDevice: set_half(setup.used, 0, value); break;
    case QueueDevice + 4: set_half(setup.used, 1, value); break;
    default: break;
  }
}

// The device's registers follow those of MSI-X, which are there only while it is in use.
u64 VirtioPci::legacy_config_offset() const {
  return msix_enabled() ? legacy::ConfigWithMsix : legacy::Config;
}

u64 VirtioPci::read_legacy(bus::Access access) {
  if (access.offset >= legacy_config_offset())
    return read_device_config(access.offset - legacy_config_offset(), access.width);
  const u32 offset = static_cast<u32>(access.offset);
  if (bus::bytes(access.width) != legacy::width(offset)) return bus::all_ones(access.width);
  const Queue* queue = selected();
  switch (offset) {
    case legacy::DeviceFeatures: return half(offered_features(), 0);
    case legacy::DriverFeatures: return half(state_.driver_features, 0);
    case legacy::QueueAddress:
      return queue != nullptr && queue->ready()
                 ? queue->setup().descriptors / legacy::queue_alignment
                 : 0;
    case legacy::QueueSize: return queue != nullptr ? queue->max_size() : 0;
    case legacy::QueueSelect: return state_.queue_sel;
    case legacy::DeviceStatus: return state_.status;
    case legacy::IsrStatus: return read_isr();
    case legacy::ConfigVector: return config_vector_;
    case legacy::QueueVector: return queue_vector();
    default: return 0;
  }
}

void VirtioPci::write_legacy(bus::Access access, u64 value) {
  if (access.offset >= legacy_config_offset())
    return write_device_config(access.offset - legacy_config_offset(), access.width, value);
  const u32 offset = static_cast<u32>(access.offset);
  if (bus::bytes(access.width) != legacy::width(offset)) return;
  const u32 word = static_cast<u32>(value);
  switch (offset) {
    case legacy::DriverFeatures:
      state_.driver_features_sel = 0;
      write_driver_features(word);
      break;
    case legacy::QueueAddress: write_legacy_queue(word); break;
    case legacy::QueueSelect: state_.queue_sel = word; break;
    case legacy::QueueNotify: notify_inline(word); break;
    case legacy::DeviceStatus: write_status(word); break;
    case legacy::ConfigVector: config_vector_ = known_vector(value); break;
    case legacy::QueueVector: set_queue_vector(value); break;
    default: break;
  }
}

// Section 2.7.2: one block of memory, the used ring on a page of its own.
void VirtioPci::write_legacy_queue(u32 page) {
  Queue* queue = selected();
  if (queue == nullptr) return;
  const u16 index = static_cast<u16>(state_.queue_sel);
  if (page == 0) {
    if (!queue->ready()) return;
    device_.reset_queue(index);
    return queue->disable();
  }
  if (queue->ready()) return;
  QueueSetup& setup = queue->setup();
  setup.size = queue->max_size();
  setup.descriptors = u64{page} * legacy::queue_alignment;
  setup.avail = setup.descriptors + u64{setup.size} * sizeof(spec::Descriptor);
  setup.used = align_up(setup.avail + spec::avail_bytes(setup.size), legacy::queue_alignment);
  enable_queue(index);
}

u8 VirtioPci::read_isr() {
  const u8 status = static_cast<u8>(state_.interrupt_status);
  state_.interrupt_status = 0;
  set_intx(false);
  return status;
}

u16 VirtioPci::known_vector(u64 value) const {
  return value < msix_vectors() ? static_cast<u16>(value) : no_vector;
}

void VirtioPci::set_queue_vector(u64 value) {
  if (selected() != nullptr) queue_vectors_[state_.queue_sel] = known_vector(value);
}

u16 VirtioPci::queue_vector() const {
  return state_.queue_sel < queue_vectors_.size() ? queue_vectors_[state_.queue_sel] : no_vector;
}

void VirtioPci::queue_interrupt(u16 index) {
  if (msix_enabled()) return raise_msix(queue_vectors_[index]);
  state_.interrupt_status |= isr_queue;
  set_intx(true);
}

void VirtioPci::config_interrupt() {
  state_.interrupt_status |= isr_config;
  if (msix_enabled()) return raise_msix(config_vector_);
  set_intx(true);
}

void VirtioPci::interrupts_reset() {
  config_vector_ = no_vector;
  for (u16& vector : queue_vectors_) vector = no_vector;
  drop_pending_messages();
  set_intx(false);
}

void VirtioPci::save(StateWriter& out) const {
  out.put8(state_version);
  Function::save(out);
  out.put16(config_vector_);
  for (const u16 vector : queue_vectors_) out.put16(vector);
  save_state(out);
}

Result<void> VirtioPci::restore(StateReader& in) {
  if (in.get8() != state_version)
    return fail(Error::Kind::image, "the saved state is not one of a virtio PCI function");
  Saved saved = TRY(parse_saved(in));
  const u16 config_vector = known_vector(in.get16());
  std::vector<u16> queue_vectors = queue_vectors_;
  for (u16& vector : queue_vectors) vector = known_vector(in.get16());
  TRY(restore_state(in));
  take(std::move(saved));
  config_vector_ = config_vector;
  queue_vectors_ = std::move(queue_vectors);
  set_intx(state_.interrupt_status != 0 && !msix_enabled());
  return {};
}

}  // namespace pv::virtio
