// Where a CPU will be after one instruction, by decoding it: for stepping on hosts that cannot
// single-step (a breakpoint goes there). Interrupts and exceptions in between are the guest's
// business: it comes back.
//
// Specification: The RISC-V Instruction Set Manual, volume I, 20240411 (RV64GC); Power ISA 2.06,
// book I, 2.4 and book III-E, 4.2. Deliberately absent: aarch64 and x86_64, whose hosts step.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "hv/registers.h"

namespace pv::inspect {

// The instruction at a virtual address, as the CPU's number for it: 4 bytes, or fewer where less is
// mapped (the rest is then 0). Nothing: not mapped.
using Fetch = std::function<std::optional<u32>(u64 address)>;

struct NextPc {
  // The places, at least one. More than one after a load-reserved: the sequence up to its store is
  // one step, for no breakpoint inside would ever let it succeed.
  std::vector<u64> addresses;
  // An instruction that leads to itself: there is nothing to wait for.
  bool itself = false;
};

// `registers` with the general and system groups. Errors (image): the instruction cannot be
// fetched. Errors (usage): this architecture is not decoded here.
Result<NextPc> next_pc(const hv::RegisterFile& registers, const Fetch& fetch);

namespace riscv64 {
Result<NextPc> next_pc(const hv::RegisterFile& registers, const Fetch& fetch);
// 2 or 4.
constexpr u32 instruction_size(u32 instruction) { return (instruction & 3) == 3 ? 4 : 2; }
}  // namespace riscv64
namespace powerpc {
Result<NextPc> next_pc(const hv::RegisterFile& registers, const Fetch& fetch);
}

}  // namespace pv::inspect
