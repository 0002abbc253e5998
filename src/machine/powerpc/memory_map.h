// The PowerPC Book3E board: the addresses of QEMU's "ppce500" (hw/ppc/e500.c), as one table. The
// virtio windows, pvpanic and the finisher have no counterpart there: the device tree tells of
// them.
#pragma once

#include "base/types.h"

namespace pv::machine::powerpc {

using namespace pv::literals;

// The chip's own registers (CCSR): 36-bit physical addresses.
constexpr u64 ccsr = 0xf'e000'0000;
constexpr u64 ccsr_size = 0x10'0000;

struct Window {
  u64 offset;  // from ccsr
  u64 size;
  u32 irq;  // MPIC source

  constexpr u64 base() const { return ccsr + offset; }
};

// Two in the chip (the manual's second shares the first's interrupt; ours has one of its own, as
// have the third and fourth).
constexpr Window uarts[] = {
    {0x4500, 0x100, 42}, {0x4600, 0x100, 43}, {0x4700, 0x100, 44}, {0x4800, 0x100, 45}};
constexpr Window mpic{0x4'0000, 0x4'0000, 0};
constexpr Window virtio{0xb'0000, 0x1000, 48};  // slot n: base + n * size, irq + n
constexpr usize virtio_slots = 16;
constexpr Window guts{0xe'0000, 0x1000, 0};
constexpr Window panic{0xf'd000, 0x1000, 0};
constexpr Window test_exit{0xf'e000, 0x1000, 0};
constexpr Window gpio{0xf'f000, 0x1000, 47};

constexpr u32 uart_clock_hz = 400'000'000;

constexpr u64 ram_base = 0;
constexpr unsigned most_cpus = 32;  // that an MPIC in the kernel serves

}  // namespace pv::machine::powerpc
