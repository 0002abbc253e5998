// The spin table by which an ePAPR guest starts its other CPUs (ePAPR 1.1, section 5.5.2): one page
// of guest RAM that holds an entry for each CPU and the code in which a CPU waits for its entry to
// be filled in.
//
// A CPU that waits sleeps: it sets the decrementer, tells the hypervisor that it is idle (EV_IDLE)
// and looks again a few milliseconds later; none of that leaves the host's kernel. Without that
// hypercall it spins.
// Deliberately absent: entry points above the boot mapping (the upper half of an entry's address is
// not looked at), and the return of a CPU into the table.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "base/types.h"

namespace pv::machine::powerpc {

constexpr u64 spin_page_size = 4096;
constexpr u64 spin_entry_size = 64;  // a cache line of any core of the family

// Where the entry of `cpu` lies in the page.
constexpr u64 spin_entry_offset(unsigned cpu) { return 0x400 + cpu * spin_entry_size; }

struct SpinCode {
  std::array<u32, 4> hypercall{};  // the instructions of a hypercall
  bool has_idle = false;           // the hypervisor answers EV_IDLE
  u32 wait_ticks = 0;              // of the timebase, between two looks; not 0
  u32 mapping = 0;                 // size of the boot mapping, for r7
};

// The whole page for `cpus` CPUs, entered at its first byte with r3 = the CPU's entry.
std::vector<u8> build_spin_page(unsigned cpus, const SpinCode& code);

}  // namespace pv::machine::powerpc
