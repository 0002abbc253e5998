// How a CPU reaches configuration registers: ConfigWindow, with every register of bus 0 (PCI
// Express Base 4.0, section 7.2.2, or the same with 256 bytes for each function), and ConfigPorts,
// the PC's pair at I/O 0xcf8 and 0xcfc (PCI Local Bus 3.0, section 3.2.2.3.2, mechanism #1).
// HostBridge is the function 00:00.0 that PC software expects beside the ports.
//
//   device tree   pcie@10000000 { compatible = "pci-host-ecam-generic"; ... };
//   Linux         CONFIG_PCI_HOST_GENERIC; on x86 CONFIG_PCI_MMCONFIG (ACPI MCFG),
//   CONFIG_PCI_DIRECT
#pragma once

#include "bus/mmio_device.h"
#include "pci/root_bus.h"

namespace pv::pci {

class ConfigWindow final : public bus::MmioDevice {
 public:
  ConfigWindow(RootBus& root, spec::ConfigLayout layout)
      : root_(root), shift_(spec::function_shift(layout)) {}
  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  // Stateless: the registers are the functions'.
  void save(StateWriter&) const override {}
  Result<void> restore(StateReader&) override { return {}; }

 private:
  unsigned devfn(bus::Access access) const {
    return static_cast<unsigned>(access.offset >> shift_);
  }
  u32 offset(bus::Access access) const {
    return static_cast<u32>(access.offset) & ((1u << shift_) - 1);
  }

  RootBus& root_;
  unsigned shift_;
};

class ConfigPorts final : public bus::MmioDevice {
 public:
  static constexpr u64 first = 0xcf8;
  static constexpr u64 size = 8;

  // `reset_control` is the byte register at 0xcf9, which is another one than a word's access to
  // 0xcf8 reaches. It is part of this device and stands on no bus of its own.
  ConfigPorts(RootBus& root, bus::MmioDevice& reset_control)
      : root_(root), reset_control_(reset_control) {}
  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

 private:
  bool selects_bus_0() const { return (address_ & 0x80ff'0000) == 0x8000'0000; }
  unsigned devfn() const { return address_ >> 8 & 0xff; }
  u32 offset(u64 port) const { return (address_ & 0xfc) + static_cast<u32>(port & 3); }

  RootBus& root_;
  bus::MmioDevice& reset_control_;
  u32 address_ = 0;
};

// The function itself, without BARs: Intel's 82Q35 as software sees it that looks for its id, with
// the one register that tells where configuration space lies (Intel 316966, "PCIEXBAR").
class HostBridge final : public Function {
 public:
  explicit HostBridge(u64 config_space)
      : Function({.vendor = 0x8086,
                  .device = 0x29c0,
                  .subsystem_vendor = 0x1af4,
                  .subsystem = 0x1100,  // QEMU's
                  .class_code = 0x060000},
                 "bridge") {
    constexpr u32 pciexbar = 0x60;
    constexpr u64 enable = 1;
    for (u32 i = 0; i < 4; ++i)
      registers().set16(pciexbar + 2 * i, static_cast<u16>((config_space | enable) >> (16 * i)));
  }

 private:
  u64 bar_read(unsigned, bus::Access access) override { return bus::all_ones(access.width); }
  void bar_write(unsigned, bus::Access, u64) override {}
};

}  // namespace pv::pci
