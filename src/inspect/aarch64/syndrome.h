// aarch64's exception registers in words: ESR_EL1, PSTATE and SPSR_EL1, the vector table's slots.
//
// Specification: Arm ARM DDI 0487J, D19.2.40 (ESR_EL1), D1.3.1.5 (vectors), C5.2.20 (SPSR_EL1).
// Absent: the syndromes of SVE, SME, PAC and of guarded control stacks beyond their names.
#pragma once

#include <optional>
#include <string>

#include "base/types.h"

namespace pv::inspect::aarch64 {

constexpr unsigned exception_class(u64 esr) { return static_cast<unsigned>(esr >> 26) & 0x3f; }

// "data abort from the same level: translation fault at level 1, on a write"
std::string describe_esr(u64 esr);
// An exception that says that something is wrong with what was executed, not a system call.
bool is_fault(u64 esr);
bool is_data_abort(u64 esr);
bool is_instruction_abort(u64 esr);
bool is_write(u64 esr);  // of a data abort
// FAR_EL1 was written by this exception.
bool has_address(u64 esr);

// "EL1h, interrupts masked (D A I F)"
std::string describe_pstate(u64 pstate);
constexpr unsigned exception_level(u64 pstate) { return static_cast<unsigned>(pstate >> 2) & 3; }
constexpr bool irq_masked(u64 pstate) { return (pstate & 0x80) != 0; }

struct VectorSlot {
  u64 offset = 0;  // in the table: 0 to 0x780
  const char* name = "";
  bool synchronous = false;
};
inline constexpr u64 vector_table_size = 0x800;
inline constexpr u64 vector_slot_size = 0x80;
// Of `offset`, which is below vector_table_size.
VectorSlot vector_slot(u64 offset);

// The register that MRS or MSR names ("TPIDR_EL1"); nullptr: none of those known here.
const char* system_register(u32 instruction);
constexpr bool is_mrs(u32 instruction) { return (instruction & 0xfff0'0000) == 0xd530'0000; }

}  // namespace pv::inspect::aarch64
