// The machine state at an aarch64 vCPU's first instruction (docs/boot-contract.md): everything not
// named here is what KVM's reset gives: EL1h, MMU and caches off, interrupts masked.
#pragma once

#include "base/types.h"

namespace pv::machine::aarch64 {

struct BootState {
  bool powered_off = false;  // a secondary CPU, started by PSCI CPU_ON
  u64 pc = 0;
  u64 x0 = 0;  // device tree; x1 to x3 are zero
};

}  // namespace pv::machine::aarch64
