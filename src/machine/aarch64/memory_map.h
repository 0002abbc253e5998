// The aarch64 board: QEMU's "virt" addresses and interrupts (hw/arm/virt.c), as one table, so that
// existing firmware, unikernels and earlycon= lines fit.
#pragma once

#include "base/types.h"
#include "machine/pci_map.h"

namespace pv::machine::aarch64 {

using namespace pv::literals;

struct Window {
  u64 base;
  u64 size;
  u32 spi;  // shared peripheral interrupt, numbered from 0
};

constexpr u64 gic_distributor = 0x0800'0000;
constexpr u64 gic_distributor_size = 0x1'0000;
constexpr u64 gic_cpu_interface = 0x0801'0000;  // GICv2: right behind the distributor
constexpr u64 gic_cpu_interface_size = 0x1'0000;
constexpr u64 gic_redistributors = 0x080a'0000;  // GICv3: 128 KiB for each CPU
constexpr u64 gic_redistributor_size = 0x2'0000;
constexpr unsigned gic_redistributor_room = 123;  // up to the UART
constexpr u32 gic_interrupts = 96;                // SGIs, PPIs and 64 SPIs

constexpr Window uart{0x0900'0000, 0x1000, 1};
constexpr Window rtc{0x0901'0000, 0x1000, 2};
// Ours: QEMU's virt has nothing at these two. How a guest says that it panicked, and how it ends
// with an exit status.
constexpr Window panic{0x090e'0000, 0x1000, 0};
constexpr Window test_exit{0x090f'0000, 0x1000, 0};
constexpr Window virtio{0x0a00'0000, 0x200, 16};  // slot n: base + n * size, spi + n
constexpr usize virtio_slots = 32;

// PCI, as in QEMU's virt with highmem=off: one window below RAM for everything. GICv2m is for
// messages on a GICv2, the ITS on a GICv3.
constexpr PciMap pci_map{.ecam = 0x3f00'0000,
                         .memory = {0x1000'0000, 0x2eff'0000},
                         .io = {0x3eff'0000, 0x1'0000},
                         .io_ports = 0,
                         .first_irq = 3};
constexpr u64 gic_its = 0x0808'0000;
constexpr u64 gic_its_size = 0x2'0000;
constexpr u64 gicv2m = 0x0802'0000;
constexpr u32 gicv2m_first_spi = 48;
constexpr u32 gicv2m_spis = 64;
constexpr u32 gic_interrupts_with_gicv2m = 160;  // up to 48 + 64 shared ones, in whole words
static_assert(gicv2m_first_spi >= virtio.spi + virtio_slots);

constexpr u64 ram_base = 0x4000'0000;
// Flat binaries: where QEMU's -kernel puts what it does not recognise.
constexpr u64 flat_offset = 0x8'0000;

// Private peripheral interrupts of the architected timer (BSA 1.0, section 3.7).
namespace ppi {
constexpr u32 secure_timer = 13;
constexpr u32 physical_timer = 14;
constexpr u32 virtual_timer = 11;
constexpr u32 hypervisor_timer = 10;
constexpr u32 pmu = 7;
}  // namespace ppi

}  // namespace pv::machine::aarch64
