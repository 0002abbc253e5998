// The map of kvmtool's first riscv64 version: 16550s at a PC's port numbers with interrupts 3, 4, 6
// and 7, virtio-mmio from 256 MiB, PCI from 768 MiB with its ports at 0, of which the first page is
// the UARTs'. Its interrupts are those of the virtio windows, which a board with PCI does not have.
// Clock, test exit and panic register are at "virt"'s addresses: that version has none.
#pragma once

#include "machine/riscv64/memory_map.h"

namespace pv::machine::riscv64::boards {

inline constexpr MemoryMap kvmtool{
    .name = "kvmtool",
    .compatible = "linux,dummy-virt",
    .model = "polyvisor,riscv64-kvmtool",
    .ram_base = 0x8000'0000,
    .pci = {.config = 0x3000'0000,
            .memory = {0x4000'0000, 0x4000'0000},
            .io = {0x1000, 0xf000},
            .io_ports = 0x1000,
            .first_irq = 8},
    .plic = 0x0c00'0000,
    .aplic = 0x0d00'0000,
    .imsic = 0x2800'0000,
    .sources = 16,
    .uarts = {.kind = UartKind::ns16550,
              .windows = {{{0x3f8, 0x8, 3}, {0x2f8, 0x8, 4}, {0x3e8, 0x8, 6}, {0x2e8, 0x8, 7}}},
              .all = true},
    .uart_node = "U6_16550A",
    .uart_clock_hz = 1'843'200,
    .rtc = {0x0010'1000, 0x1000, 5},
    .test_exit = {0x0010'0000, 0x1000},
    .panic = {0x0010'2000, 0x1000},
    .virtio = {0x1000'0000, 0x200, 8},
    .virtio_slots = 8,
};

}  // namespace pv::machine::riscv64::boards
