// The machine state at a Book3E vCPU's first instruction (ePAPR 1.1, section 5.4.1).
#pragma once

#include "base/types.h"

namespace pv::machine::powerpc {

struct BootState {
  u64 pc = 0;
  u64 r1 = 0;
  u64 r3 = 0;  // device tree
  u64 r7 = 0;  // size of the boot mapping
};

}  // namespace pv::machine::powerpc
