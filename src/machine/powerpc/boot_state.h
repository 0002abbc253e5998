// The machine state at a Book3E vCPU's first instruction (ePAPR 1.1, sections 5.4.1 and 5.5.2): a
// mapping of effective address 0 to physical address 0, MSR 0, and all registers but these 0.
#pragma once

#include "base/types.h"

namespace pv::machine::powerpc {

struct BootState {
  u64 pc = 0;
  u64 r1 = 0;       // below 16 MiB, where QEMU has it
  u64 r3 = 0;       // the first CPU's device tree; of the others their entry in the spin table
  u64 r6 = 0;       // ePAPR's magic number on the first CPU
  u64 mapping = 0;  // size of the boot mapping, a power of 4 times 1 KiB; also in r7
};

}  // namespace pv::machine::powerpc
