// Giving a guest the exception of a breakpoint instruction that is its own, on hosts whose KVM
// hands all of them to the debugger and has no call to hand one back.
//
// Specification: Arm ARM DDI 0487J, D1.3; The RISC-V Instruction Set Manual, volume II, 20240411,
// 11.1.4 (traps into S-mode). Absent: PowerPC, whose guests use another instruction than KVM's
// debugger; x86_64, where KVM does it.
#pragma once

#include <functional>

#include "hv/registers.h"

namespace pv::inspect {

using WriteRegister = std::function<Result<void>(usize index, hv::RegisterValue value)>;

// `registers` of a vCPU that stands at `instruction`, with the general and system groups. False:
// not for this architecture. Errors (host): a register cannot be written.
Result<bool> give_breakpoint(const hv::RegisterFile& registers, u32 instruction,
                             const WriteRegister& write);

}  // namespace pv::inspect
