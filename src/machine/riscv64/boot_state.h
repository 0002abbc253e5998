// The machine state at a hart's first instruction (docs/boot-contract.md): VS-mode, satp 0,
// interrupts off, all registers but these two zero. Secondary harts are stopped (SBI HSM).
#pragma once

#include "base/types.h"

namespace pv::machine::riscv64 {

struct BootState {
  bool stopped = false;
  u64 pc = 0;
  u64 a0 = 0;  // hart id
  u64 a1 = 0;  // device tree
};

}  // namespace pv::machine::riscv64
