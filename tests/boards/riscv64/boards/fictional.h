// A board that nobody has: its addresses and interrupts are those of no other, and there is no PCI.
#pragma once

#include "machine/riscv64/memory_map.h"

namespace pv::machine::riscv64::boards {

inline constexpr MemoryMap fictional{
    .name = "fictional",
    .compatible = "linux,dummy-virt",
    .model = "polyvisor,riscv64-fictional",
    .ram_base = 0xa000'0000,
    .plic = 0x1000'0000,
    .aplic = 0x0800'0000,
    .imsic = 0x0900'0000,
    .sources = 24,
    .uarts = {.kind = UartKind::ns16550,
              .windows = {{{0x2001'0000, 0x100, 21}, {0x2002'0000, 0x100, 22}, {}, {}}},
              .all = true},
    .uart_node = "serial",
    .uart_clock_hz = 1'843'200,
    .rtc = {0x2003'0000, 0x1000, 3},
    .test_exit = {0x2004'0000, 0x1000},
    .panic = {0x2005'0000, 0x1000},
    .virtio = {0x2100'0000, 0x1000, 10},
    .virtio_slots = 6,
};

}  // namespace pv::machine::riscv64::boards
