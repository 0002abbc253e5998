// A board that nobody has: its addresses and interrupts are those of no other, and there are two
// UARTs.
#pragma once

#include "machine/aarch64/memory_map.h"

namespace pv::machine::aarch64::boards {

inline constexpr MemoryMap fictional{
    .name = "fictional",
    .compatible = "linux,dummy-virt",
    .model = "polyvisor,aarch64-fictional",
    .ram_base = 0xc000'0000,
    .pci = {.config = 0x6000'0000,
            .memory = {0x7000'0000, 0x2000'0000},
            .io = {},
            .io_ports = 0,
            .first_irq = 40},
    .gic_distributor = 0x2c01'0000,
    .gic_cpu_interface = 0x2c02'0000,
    .gic_cpu_interface_size = 0x2'0000,
    .gic_redistributors = 0x2d00'0000,
    .most_cpus = 16,
    .gic_its = 0x2e00'0000,
    .gicv2m = 0x2c0f'0000,
    .uarts = {.kind = UartKind::pl011,
              .windows = {{{0x1c09'0000, 0x1000, 5}, {0x1c0a'0000, 0x1000, 6}, {}, {}}},
              .all = true},
    .uart_node = "serial",
    .uart_clock_hz = 24'000'000,
    .rtc = {0x1c17'0000, 0x1000, 4},
    .panic = {0x1c20'0000, 0x1000},
    .test_exit = {0x1c21'0000, 0x1000},
    .virtio = {0x1c30'0000, 0x200, 20},
    .virtio_slots = 8,
    .flash = {},
};

}  // namespace pv::machine::aarch64::boards
