// The x86_64 board: QEMU's pc ports and microvm's virtio-mmio windows, as one table.
//
//   0x0000'0500  GDT                      0x0002'0000  kernel command line
//   0x0000'7000  boot_params (zero page)  0x000e'0000  ACPI tables (RSDP first)
//   0x0000'8000  PVH start info           0x0010'0000  kernels and flat binaries
//   0x0000'9000  page tables              0xc000'0000  end of low RAM; the rest starts at 4 GiB
//
// With PCI the addresses are those of QEMU's q35: configuration space begins at 0xb000'0000, and
// low RAM ends there, or at 2 GiB where there is more.
#pragma once

#include "base/types.h"
#include "machine/pci_map.h"

namespace pv::machine::x86_64 {

using namespace pv::literals;

constexpr u64 gdt = 0x500;
constexpr u64 zero_page = 0x7000;
constexpr u64 start_info = 0x8000;
constexpr u64 page_tables = 0x9000;  // PML4, PDPT and four page directories: 24 KiB
constexpr u64 command_line = 0x2'0000;
constexpr u64 command_line_room = 0x1'0000;
constexpr u64 low_memory_end = 0x9'fc00;  // where a PC's extended BIOS data area starts
constexpr u64 acpi_tables = 0xe'0000;
constexpr u64 acpi_room = 0x2'0000;
constexpr u64 high_memory = 0x10'0000;
constexpr u64 low_ram_limit = 3_GiB;
constexpr u64 low_ram_with_pci = 2_GiB;
constexpr u64 ram_above = 4_GiB;

constexpr u64 io_apic = 0xfec0'0000;
constexpr u64 local_apic = 0xfee0'0000;
constexpr u64 virtio_base = 0xfeb0'0000;
constexpr u64 virtio_stride = 0x200;
constexpr u32 virtio_first_gsi = 16;
constexpr usize virtio_slots = 8;

// I/O BARs lie above the board's own ports.
constexpr PciMap pci_map{.config = 0xb000'0000,
                         .memory = {0xc000'0000, virtio_base - 0xc000'0000},
                         .io = {0x1000, 0xf000},
                         .io_ports = 0x1000,
                         .first_irq = 16};
static_assert(pci_map.config >= low_ram_with_pci);

namespace port {
constexpr u16 cmos = 0x70;
constexpr u16 i8042_data = 0x60;
constexpr u16 i8042_command = 0x64;
constexpr u16 test_exit = 0xf4;
constexpr u16 com1 = 0x3f8;
constexpr u16 com2 = 0x2f8;
constexpr u16 com3 = 0x3e8;
constexpr u16 com4 = 0x2e8;
constexpr u16 panic = 0x505;
constexpr u16 acpi_pm = 0x600;
constexpr u16 system_control = 0x92;
constexpr u16 reset_control = 0xcf9;
}  // namespace port

namespace gsi {
constexpr u32 com1 = 4;  // and COM3, as in every PC
constexpr u32 com2 = 3;  // and COM4
constexpr u32 rtc = 8;
constexpr u32 sci = 9;
}  // namespace gsi

}  // namespace pv::machine::x86_64
