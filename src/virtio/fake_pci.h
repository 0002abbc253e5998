// For tests and fuzzers: one virtio device behind a PCI host bridge, and a driver that finds its
// registers by the capabilities and starts it the modern or the legacy way. Rings and buffers are
// FakeDriver's.
//
//   FakePciMachine machine(device, VirtioPci::Kind::modern);
//   machine.place();                       // BARs get addresses, the decoders are on
//   ASSERT_TRUE(machine.start(features));
//   machine.driver.add(0, {machine.driver.in(16)});
//   machine.kick(0);
#pragma once

#include "pci/fakes.h"
#include "virtio/fake_driver.h"
#include "virtio/pci_transport.h"

namespace pv::virtio {

class FakePciMachine {
 public:
  static constexpr u64 ram_base = 0x8000'0000;
  static constexpr u64 ram_size = 4_MiB;
  static constexpr unsigned slot = 1;
  static constexpr u64 bar = pci::FakeHost::memory_base + 0x5000;
  static constexpr u64 io_bar = pci::FakeHost::io_base + 0x1080;

  FakePciMachine(VirtioDevice& device, VirtioPci::Kind kind, bool msis = true)
      : function((add_ram(), device), ram, msis ? &target : nullptr, executor, log, kind),
        driver(ram, host.bus, 0, ram_base) {
    CHECK(host.root.add(slot, function));
  }

  void place(u64 at = bar) {
    host.set(slot, 0x10, static_cast<u32>(io_bar - pci::FakeHost::io_base));
    host.set(slot, 0x14, static_cast<u32>(at));
    host.command(slot, pci::spec::command_io | pci::spec::command_memory);
  }

  // Configuration registers and BARs.
  u32 config(u32 reg, bus::Width width = bus::Width::word) { return host.get(slot, reg, width); }
  // The offset of the capability of this type, 0 if there is none.
  u32 capability(u8 type) {
    for (u32 at = config(0x34, bus::Width::byte); at != 0; at = config(at + 1, bus::Width::byte))
      if (config(at, bus::Width::byte) == 9 && config(at + 3, bus::Width::byte) == type) return at;
    return 0;
  }
  u32 msix_capability() {
    for (u32 at = config(0x34, bus::Width::byte); at != 0; at = config(at + 1, bus::Width::byte))
      if (config(at, bus::Width::byte) == 17) return at;
    return 0;
  }
  u64 structure(u8 type) { return bar + config(capability(type) + 8); }

  u32 get(u64 address, u32 width) const {
    return static_cast<u32>(host.read(address, static_cast<bus::Width>(width)));
  }
  void set(u64 address, u32 width, u64 value) {
    host.bus.write(address, static_cast<bus::Width>(width), value);
  }
  u32 common(u32 reg) { return get(bar + reg, spec::pci::common_width(reg)); }
  void set_common(u32 reg, u32 value) { set(bar + reg, spec::pci::common_width(reg), value); }
  void set_common64(u32 reg, u64 value) {
    set_common(reg, static_cast<u32>(value));
    set_common(reg + 4, static_cast<u32>(value >> 32));
  }
  u32 legacy(u32 reg) const { return get(io_bar + reg, spec::pci::legacy::width(reg)); }
  void set_legacy(u32 reg, u32 value) { set(io_bar + reg, spec::pci::legacy::width(reg), value); }

  u64 offered() {
    set_common(spec::pci::DeviceFeatureSelect, 0);
    const u64 low = common(spec::pci::DeviceFeature);
    set_common(spec::pci::DeviceFeatureSelect, 1);
    return low | u64{common(spec::pci::DeviceFeature)} << 32;
  }
  bool negotiate(u64 features) {
    using namespace spec::pci;
    set_common(DeviceStatus, 0);
    set_common(DeviceStatus, spec::status_acknowledge | spec::status_driver);
    for (u32 half : {0u, 1u}) {
      set_common(DriverFeatureSelect, half);
      set_common(DriverFeature, static_cast<u32>(features >> (32 * half)));
    }
    set_common(DeviceStatus, common(DeviceStatus) | spec::status_features_ok);
    return (common(DeviceStatus) & spec::status_features_ok) != 0;
  }
  // False: there is no room for the ring, which is so when its size was read where nothing is.
  bool layout(u16 index, u16 size, u64 alignment = 16) {
    if (driver.rings.size() <= index) driver.rings.resize(index + 1u);
    FakeDriver::Ring& ring = driver.rings[index] = FakeDriver::Ring{};
    ring.size = size;
    ring.descriptors = driver.allocate(16u * size, alignment);
    ring.avail = driver.allocate(spec::avail_bytes(size), 2);
    ring.used = driver.allocate(spec::used_bytes(size), alignment < 4096 ? 4 : alignment);
    const bool fits = ram.fill(memory::GuestAddress(ring.descriptors),
                               ring.used + spec::used_bytes(size) - ring.descriptors, 0);
    if (!fits) driver.forget();
    return fits;
  }
  // All queues, without or with a vector each (vector 0 for the configuration), and DRIVER_OK.
  bool start(u64 features, bool vectors = false) {
    using namespace spec::pci;
    if (!negotiate(features)) return false;
    if (vectors) set_common(ConfigMsixVector, 0);
    for (u16 index = 0; index < common(NumQueues); ++index) {
      set_common(QueueSelect, index);
      if (!layout(index, static_cast<u16>(common(QueueSize)))) return false;
      const FakeDriver::Ring& ring = driver.rings[index];
      if (vectors) set_common(QueueMsixVector, index + 1u);
      set_common64(QueueDesc, ring.descriptors);
      set_common64(QueueDriver, ring.avail);
      set_common64(QueueDevice, ring.used);
      set_common(QueueEnable, 1);
      if (common(QueueEnable) != 1) return false;
    }
    set_common(DeviceStatus, common(DeviceStatus) | spec::status_driver_ok);
    return true;
  }
  bool start() { return start(offered()); }
  // As a driver of before virtio 1.0 does.
  bool start_legacy(u32 features) {
    using namespace spec::pci;
    set_legacy(legacy::DeviceStatus, 0);
    set_legacy(legacy::DeviceStatus, spec::status_acknowledge | spec::status_driver);
    set_legacy(legacy::DriverFeatures, features);
    for (u16 index = 0;; ++index) {
      set_legacy(legacy::QueueSelect, index);
      const u32 size = legacy(legacy::QueueSize);
      if (size == 0) break;
      if (!layout(index, static_cast<u16>(size), 4096)) return false;
      const FakeDriver::Ring& ring = driver.rings[index];
      set_legacy(legacy::QueueAddress, static_cast<u32>(ring.descriptors / 4096));
      if (legacy(legacy::QueueAddress) != ring.descriptors / 4096) return false;
    }
    set_legacy(legacy::DeviceStatus,
               spec::status_acknowledge | spec::status_driver | spec::status_driver_ok);
    return true;
  }
  void kick(u16 queue) {
    set(structure(spec::pci::cap_notify) + queue * spec::pci::notify_multiplier, 2, queue);
  }
  // Enables MSI-X with the vectors unmasked: vector n sends 0x100 + n to 0xfee00000.
  void enable_msix() {
    const u32 at = msix_capability();
    const u64 table = bar + (config(at + 4) & ~7u);
    const u32 count = (config(at + 2, bus::Width::half) & 0x7ff) + 1;
    for (u32 vector = 0; vector < count; ++vector) {
      set(table + 16 * vector, 4, 0xfee0'0000);
      set(table + 16 * vector + 8, 4, 0x100 + vector);
      set(table + 16 * vector + 12, 4, 0);
    }
    host.set(slot, at + 2, pci::spec::msix_enable, bus::Width::half);
  }
  bool intx() const { return host.lines[slot].asserted(); }

  memory::GuestMemory ram;
  hv::FakeMsiTarget target;
  ManualExecutor executor;
  Log log{-1, LogLevel::error};
  pci::FakeHost host;
  VirtioPci function;
  FakeDriver driver;

 private:
  void add_ram() {
    CHECK(ram.add({memory::GuestAddress(ram_base), ram_size}, memory::Backing::anonymous));
  }
};

}  // namespace pv::virtio
