// The riscv64 board: QEMU's "virt" addresses and interrupts (hw/riscv/virt.c), as one table.
#pragma once

#include "base/types.h"
#include "machine/pci_map.h"

namespace pv::machine::riscv64 {

using namespace pv::literals;

struct Window {
  u64 base;
  u64 size;
  u32 irq;  // PLIC or APLIC source
};

constexpr Window test_exit{0x0010'0000, 0x1000, 0};
constexpr Window rtc{0x0010'1000, 0x1000, 11};
constexpr Window panic{0x0010'2000, 0x1000, 0};  // ours: QEMU's virt has nothing here
constexpr Window uart{0x1000'0000, 0x100, 10};
constexpr Window virtio{0x1000'1000, 0x1000, 1};  // slot n: base + n * size, irq + n
constexpr usize virtio_slots = 8;

constexpr u64 plic = 0x0c00'0000;
constexpr u64 aplic = 0x0d00'0000;  // supervisor level
constexpr u64 aplic_size = 0x8000;
constexpr u64 imsic = 0x2800'0000;  // supervisor level, 4 KiB for each hart
constexpr u64 imsic_size = 0x1000;
constexpr u32 sources = 16;  // the highest used is the RTC's; a guest sets up each of them
constexpr u32 sources_with_pci = 36;

constexpr PciMap pci_map{.ecam = 0x3000'0000,
                         .memory = {0x4000'0000, 0x4000'0000},
                         .io = {0x0300'0000, 0x1'0000},
                         .io_ports = 0,
                         .first_irq = 32};
static_assert(pci_map.first_irq + 4 <= sources_with_pci);

constexpr u32 uart_clock_hz = 3'686'400;

constexpr u64 ram_base = 0x8000'0000;
constexpr u64 flat_offset = 0x20'0000;

}  // namespace pv::machine::riscv64
