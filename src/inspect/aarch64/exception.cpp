#include "inspect/aarch64/exception.h"

namespace pv::inspect::aarch64 {
namespace {

// PSTATE as in SPSR_EL1 (C5.2.19).
constexpr u64 conditions = 0xfull << 28, dit = 1ull << 24, pan = 1ull << 22, ssbs = 1ull << 12,
              masked = 0xfull << 6, el1h = 5;
constexpr u64 aarch32 = 1ull << 4;
// SCTLR_EL1
constexpr u64 keeps_pan = 1ull << 23, default_ssbs = 1ull << 44;

// Which of the four groups of vectors (D1.3.3): by stack pointer in EL1, by state below.
u64 vector_group(u64 pstate) {
  if ((pstate & aarch32) != 0) return 0x600;
  if ((pstate >> 2 & 3) == 0) return 0x400;
  return (pstate & 1) != 0 ? 0x200 : 0;
}

u64 syndrome(const DataAbort& abort, bool from_el1) {
  constexpr u64 lower = 0x24ull << 26, same = 0x25ull << 26, long_instruction = 1ull << 25;
  u64 esr = (from_el1 ? same : lower) | long_instruction | abort.status;
  if (abort.write) esr |= 1u << 6;
  if (!abort.address) esr |= 1u << 10;  // FnV
  return esr;
}

// What survives, what the system register decides, and all else clear: SS, IL, BTYPE, UAO.
u64 handler_pstate(u64 pstate, u64 sctlr) {
  u64 next = (pstate & (conditions | dit | pan)) | masked | el1h;
  if ((sctlr & keeps_pan) == 0) next |= pan;
  if ((sctlr & default_ssbs) != 0) next |= ssbs;
  return next;
}

// The exception's entry; `esr` is made knowing whether it comes from EL1.
template <class Syndrome>
Result<void> enter(Registers& registers, const std::optional<u64>& fault_address, Syndrome esr) {
  u64 pc = TRY(registers.read(place("pc")))
  .low;
  u64 pstate = TRY(registers.read(place("cpsr")))
  .low;
  u64 sctlr = TRY(registers.read(place("sctlr_el1")))
  .low;
  u64 vbar = TRY(registers.read(place("vbar_el1")))
  .low;
  bool from_el1 = (pstate & aarch32) == 0 && (pstate >> 2 & 3) == 1;
  auto set = [&](usize index, u64 value) { return registers.write(index, {value, 0}); };
  TRY(set(place("esr_el1"), esr(from_el1)));
  if (fault_address) TRY(set(place("far_el1"), *fault_address));
  TRY(set(place("elr_el1"), pc));
  TRY(set(place("spsr_el1"), pstate));
  TRY(set(place("cpsr"), handler_pstate(pstate, sctlr)));
  TRY(set(place("pc"), (vbar & ~u64{0x7ff}) + vector_group(pstate)));
  return {};
}

}  // namespace

Result<void> take(const DataAbort& abort, Registers& registers) {
  return enter(registers, abort.address, [&](bool from_el1) { return syndrome(abort, from_el1); });
}

Result<void> take(const Breakpoint& breakpoint, Registers& registers) {
  constexpr u64 brk = 0x3cull << 26, long_instruction = 1ull << 25;
  return enter(registers, std::nullopt,
               [&](bool) { return brk | long_instruction | breakpoint.comment; });
}

}  // namespace pv::inspect::aarch64
