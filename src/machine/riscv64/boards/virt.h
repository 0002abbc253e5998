// QEMU's "virt" (hw/riscv/virt.c): the default. Serial ports 2 to 4 are ours: QEMU has one.
#pragma once

#include "machine/riscv64/memory_map.h"

namespace pv::machine::riscv64::boards {

inline constexpr MemoryMap virt{
    .name = "virt",
    .compatible = "riscv-virtio",
    .model = "polyvisor,riscv64-virt",
    .ram_base = 0x8000'0000,
    .pci = {.config = 0x3000'0000,
            .memory = {0x4000'0000, 0x4000'0000},
            .io = {0x0300'0000, 0x1'0000},
            .io_ports = 0,
            .first_irq = 32},
    .plic = 0x0c00'0000,
    .aplic = 0x0d00'0000,
    .imsic = 0x2800'0000,
    .sources = 16,
    .uarts = {.kind = UartKind::ns16550,
              .windows = {{{0x1000'0000, 0x100, 10},
                           {0x1000'0100, 0x100, 12},
                           {0x1000'0200, 0x100, 13},
                           {0x1000'0300, 0x100, 14}}}},
    .uart_node = "serial",
    .uart_clock_hz = 3'686'400,
    .rtc = {0x0010'1000, 0x1000, 11},
    .test_exit = {0x0010'0000, 0x1000},
    .panic = {0x0010'2000, 0x1000},
    .virtio = {0x1000'1000, 0x1000, 1},
    .virtio_slots = 8,
};

}  // namespace pv::machine::riscv64::boards
