// The names and layouts of "PCI Local Bus Specification" revision 3.0 (PCI-SIG, 2004), chapter 6,
// and of ECAM ("PCI Express Base Specification" 4.0, section 7.2.2) that polyvisor uses. All
// registers are little-endian. Absent: type 1 headers (bridges), PCI Express capabilities.
#pragma once

#include "base/types.h"

namespace pv::pci::spec {

// Section 6.1: the header of type 0.
enum Reg : u32 {
  VendorID = 0x00,
  DeviceID = 0x02,
  Command = 0x04,
  Status = 0x06,
  RevisionID = 0x08,
  ClassCode = 0x09,  // three bytes
  CacheLineSize = 0x0c,
  HeaderType = 0x0e,
  BAR0 = 0x10,
  SubsystemVendorID = 0x2c,
  SubsystemID = 0x2e,
  CapabilitiesPointer = 0x34,
  InterruptLine = 0x3c,
  InterruptPin = 0x3d,
  FirstCapability = 0x40,  // the first address that the header does not use
};
constexpr u32 config_size = 256;
constexpr unsigned bar_count = 6;

// Section 6.2.2 and 6.2.3.
constexpr u16 command_io = 1 << 0;
constexpr u16 command_memory = 1 << 1;
constexpr u16 command_master = 1 << 2;
constexpr u16 command_parity = 1 << 6;
constexpr u16 command_serr = 1 << 8;
constexpr u16 command_no_intx = 1 << 10;
constexpr u16 command_writable =
    command_io | command_memory | command_master | command_parity | command_serr | command_no_intx;
constexpr u16 status_interrupt = 1 << 3;
constexpr u16 status_capabilities = 1 << 4;

// Section 6.2.5.1: the low bits of a BAR.
constexpr u32 bar_io = 1;
constexpr u32 bar_memory_64 = 4;

// Appendix H.
constexpr u8 capability_vendor = 0x09;
constexpr u8 capability_msix = 0x11;

// Section 6.8.2: MSI-X.
constexpr u32 msix_capability_size = 12;
constexpr u16 msix_enable = 1 << 15;
constexpr u16 msix_function_mask = 1 << 14;
constexpr u32 msix_entry_size = 16;
constexpr u32 msix_entry_masked = 1;
constexpr unsigned msix_most_vectors = 2048;

// ECAM: a function's registers are at bus << 20 | device << 15 | function << 12.
// How a window of configuration registers is laid out: 4 KiB for each function (ECAM), or the 256
// bytes that conventional PCI has (CAM; Devicetree binding pci-host-cam-generic).
enum class ConfigLayout : u8 { ecam, cam };
constexpr unsigned function_shift(ConfigLayout layout) {
  return layout == ConfigLayout::ecam ? 12 : 8;
}
// Of one bus: 256 functions.
constexpr u64 window_size(ConfigLayout layout) { return u64{256} << function_shift(layout); }
constexpr unsigned devices_per_bus = 32;

}  // namespace pv::pci::spec
