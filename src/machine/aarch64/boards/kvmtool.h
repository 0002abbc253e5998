// kvmtool's arm64 map (arm/include/arm-common/kvm-arch.h): devices from 16 MiB, flash at 32 MiB,
// virtio-mmio at 48 MiB, the GIC below 1 GiB and in front of it what takes its messages, PCI from
// 1 GiB with its ports at 0, RAM from 2 GiB. Four 16550s.
#pragma once

#include "machine/aarch64/memory_map.h"

namespace pv::machine::aarch64::boards {

inline constexpr MemoryMap kvmtool{
    .name = "kvmtool",
    .compatible = "linux,dummy-virt",
    .model = "polyvisor,aarch64-kvmtool",
    .ram_base = 0x8000'0000,
    .pci = {.config = 0x4000'0000,
            .memory = {0x5000'0000, 0x3000'0000},
            .io = {0x0, 0x1'0000},
            .io_ports = 0,
            .first_irq = 8},
    .gic_distributor = 0x3fff'0000,
    .gic_cpu_interface = 0x3ffd'0000,
    .gic_cpu_interface_size = 0x2'0000,
    .gic_redistributors = 0,
    .most_cpus = 255,
    .gic_its = 0,
    .gicv2m = 0x3ffc'f000,
    .uarts = {.kind = UartKind::ns16550,
              .windows = {{{0x0100'0000, 0x8, 0},
                           {0x0100'1000, 0x8, 1},
                           {0x0100'2000, 0x8, 2},
                           {0x0100'3000, 0x8, 3}}},
              .all = true},
    .uart_node = "U6_16550A",
    .uart_clock_hz = 1'843'200,
    .rtc = {0x0101'0000, 0x1000, 4},
    .panic = {0x0110'0000, 0x1000},
    .test_exit = {0x0111'0000, 0x1000},
    .virtio = {0x0300'0000, 0x200, 16},
    .virtio_slots = 32,
    .flash = {0x0200'0000, 0x0100'0000},
};

}  // namespace pv::machine::aarch64::boards
