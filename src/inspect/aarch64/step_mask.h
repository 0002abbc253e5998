// Single-stepping without stepping into interrupt handlers: the step runs with PSTATE.I and F set,
// and they are put back afterwards, in PSTATE or, where the step was an exception's entry, in
// SPSR_EL1. Instructions that see or change the masks themselves step as they are.
//
// Specification: Arm ARM DDI 0487J, C5.2.2 (DAIF), C6.2 (ERET, MSR, MRS), D1.3 (exception entry).
#pragma once

#include "hv/registers.h"

namespace pv::inspect::aarch64 {

inline constexpr u64 interrupt_masks = 0xc0;  // I and F of PSTATE

constexpr bool sees_masks(u32 instruction) {
  bool immediate = (instruction & 0xffff'f0df) == 0xd503'40df;  // MSR DAIFSet, DAIFClr
  bool daif = (instruction & 0xffdf'ffe0) == 0xd51b'4220;       // MSR, MRS DAIF
  bool eret = (instruction & 0xffff'f3ff) == 0xd69f'03e0;       // also ERETAA, ERETAB
  return immediate || daif || eret;
}

struct Mended {
  const char* name;
  u64 value;
};

// `file`: after the step. `before`: PSTATE before it, with its masks.
inline Mended restore_masks(const hv::RegisterFile& file, u64 before) {
  constexpr u64 table_size = 0x800;
  u64 vbar = file.get_or("vbar_el1", 0) & ~(table_size - 1);
  u64 pstate = file.get_or("cpsr", 0);
  bool el1 = (pstate >> 2 & 3) == 1;
  bool entered = el1 && file.get_or("pc", 0) - vbar < table_size;
  const char* name = entered ? "spsr_el1" : "cpsr";
  return {name, (file.get_or(name, 0) & ~interrupt_masks) | (before & interrupt_masks)};
}

}  // namespace pv::inspect::aarch64
