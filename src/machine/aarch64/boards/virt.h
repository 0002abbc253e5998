// QEMU's "virt" (hw/arm/virt.c): the default. Ports 3 and 4 are ours; QEMU's second is secure
// there. PCI is that of highmem=off: one window below RAM for everything.
#pragma once

#include "machine/aarch64/memory_map.h"

namespace pv::machine::aarch64::boards {

inline constexpr MemoryMap virt{
    .name = "virt",
    .compatible = "linux,dummy-virt",
    .model = "polyvisor,aarch64-virt",
    .ram_base = 0x4000'0000,
    .pci = {.config = 0x3f00'0000,
            .memory = {0x1000'0000, 0x2eff'0000},
            .io = {0x3eff'0000, 0x1'0000},
            .io_ports = 0,
            .first_irq = 3},
    .gic_distributor = 0x0800'0000,
    .gic_cpu_interface = 0x0801'0000,
    .gic_cpu_interface_size = 0x1'0000,
    .gic_redistributors = 0x080a'0000,
    .most_cpus = 123,  // up to the UART
    .gic_its = 0x0808'0000,
    .gicv2m = 0x0802'0000,
    .uarts = {.kind = UartKind::pl011,
              .windows = {{{0x0900'0000, 0x1000, 1},
                           {0x0904'0000, 0x1000, 8},
                           {0x0906'0000, 0x1000, 10},
                           {0x0907'0000, 0x1000, 11}}}},
    .uart_node = "pl011",
    .uart_clock_hz = 24'000'000,
    .rtc = {0x0901'0000, 0x1000, 2},
    .panic = {0x090e'0000, 0x1000},
    .test_exit = {0x090f'0000, 0x1000},
    .virtio = {0x0a00'0000, 0x200, 16},
    .virtio_slots = 32,
    .flash = {0x0000'0000, 0x0800'0000},
};

}  // namespace pv::machine::aarch64::boards
