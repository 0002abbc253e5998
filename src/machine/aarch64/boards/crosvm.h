// crosvm's aarch64 map (aarch64/src/lib.rs): 16550s at a PC's port numbers, of which the first and
// third share a line and the second and fourth another; RTC at 8 KiB, the GIC below 1 GiB, RAM from
// 2 GiB. crosvm's virtio devices are on PCI, whose registers are laid out as conventional PCI's and
// which has no ports; its BARs have the first half of crosvm's MMIO region. Without --transport pci
// virtio windows stand there. What takes a GIC's messages is where kvmtool has it.
#pragma once

#include "machine/aarch64/memory_map.h"

namespace pv::machine::aarch64::boards {

inline constexpr MemoryMap crosvm{
    .name = "crosvm",
    .compatible = "linux,dummy-virt",
    .model = "polyvisor,aarch64-crosvm",
    .ram_base = 0x8000'0000,
    .pci = {.config = 0x1'0000,
            .layout = pci::spec::ConfigLayout::cam,
            .memory = {0x0200'0000, 0x0100'0000},
            .io = {},
            .io_ports = 0,
            .first_irq = 4},
    .gic_distributor = 0x3fff'0000,
    .gic_cpu_interface = 0x3ffd'0000,
    .gic_cpu_interface_size = 0x2'0000,
    .gic_redistributors = 0,
    .most_cpus = 255,
    .gic_its = 0,
    .gicv2m = 0x3ffc'f000,
    .uarts = {.kind = UartKind::ns16550,
              .windows = {{{0x3f8, 0x8, 0}, {0x2f8, 0x8, 2}, {0x3e8, 0x8, 0}, {0x2e8, 0x8, 2}}},
              .all = true},
    .uart_node = "U6_16550A",
    .uart_clock_hz = 1'843'200,
    .rtc = {0x2000, 0x1000, 1},
    .panic = {0x0300'0000, 0x1000},
    .test_exit = {0x0301'0000, 0x1000},
    .virtio = {0x0200'0000, 0x200, 16},
    .virtio_slots = 32,
    .flash = {},
};

}  // namespace pv::machine::aarch64::boards
