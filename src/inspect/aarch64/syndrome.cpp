#include "inspect/aarch64/syndrome.h"

#include "base/text.h"

namespace pv::inspect::aarch64 {
namespace {

struct Name {
  unsigned number;
  const char* words;
};

constexpr Name classes[] = {
    {0x00, "undefined instruction"},
    {0x01, "trapped WFI or WFE"},
    {0x07, "access to SVE, SIMD or floating point, which is off"},
    {0x0d, "branch target exception"},
    {0x0e, "illegal execution state"},
    {0x11, "SVC from AArch32"},
    {0x15, "SVC (a system call)"},
    {0x16, "HVC"},
    {0x17, "SMC"},
    {0x18, "trapped system register or instruction"},
    {0x19, "access to SVE, which is off"},
    {0x1c, "pointer authentication failure"},
    {0x1d, "access to SME, which is off"},
    {0x20, "instruction abort from a lower level"},
    {0x21, "instruction abort from the same level"},
    {0x22, "misaligned program counter"},
    {0x24, "data abort from a lower level"},
    {0x25, "data abort from the same level"},
    {0x26, "misaligned stack pointer"},
    {0x2c, "floating-point exception"},
    {0x2d, "guarded control stack exception"},
    {0x2f, "SError"},
    {0x30, "breakpoint from a lower level"},
    {0x31, "breakpoint from the same level"},
    {0x32, "single step from a lower level"},
    {0x33, "single step from the same level"},
    {0x34, "watchpoint from a lower level"},
    {0x35, "watchpoint from the same level"},
    {0x38, "BKPT from AArch32"},
    {0x3c, "BRK"},
};

constexpr Name registers[] = {
    {0xc684, "TPIDR_EL1"},      {0xde82, "TPIDR_EL0"},     {0xde83, "TPIDRRO_EL0"},
    {0xe682, "TPIDR_EL2"},      {0xc208, "SP_EL0"},        {0xc201, "ELR_EL1"},
    {0xc200, "SPSR_EL1"},       {0xc290, "ESR_EL1"},       {0xc300, "FAR_EL1"},
    {0xc600, "VBAR_EL1"},       {0xc080, "SCTLR_EL1"},     {0xc100, "TTBR0_EL1"},
    {0xc101, "TTBR1_EL1"},      {0xc102, "TCR_EL1"},       {0xc510, "MAIR_EL1"},
    {0xc681, "CONTEXTIDR_EL1"}, {0xc3a0, "PAR_EL1"},       {0xc005, "MPIDR_EL1"},
    {0xc000, "MIDR_EL1"},       {0xc212, "CurrentEL"},     {0xc288, "AFSR0_EL1"},
    {0xc289, "AFSR1_EL1"},      {0xc518, "AMAIR_EL1"},     {0xc708, "CNTKCTL_EL1"},
    {0xdf19, "CNTV_CTL_EL0"},   {0xdf1a, "CNTV_CVAL_EL0"}, {0xdf02, "CNTVCT_EL0"},
    {0xc230, "ICC_PMR_EL1"},    {0xd801, "CTR_EL0"},       {0xda11, "DAIF"},
};

const char* find(const Name* begin, const Name* end, unsigned number) {
  for (; begin != end; ++begin)
    if (begin->number == number) return begin->words;
  return nullptr;
}

// Fault status codes of aborts.
std::string status(unsigned code) {
  const unsigned level = code & 3;
  switch (code & 0x3c) {
    case 0x00: return text("address size fault at level {}", level);
    case 0x04: return text("translation fault at level {}", level);
    case 0x08: return text("access flag fault at level {}", level);
    case 0x0c: return text("permission fault at level {}", level);
    case 0x14: return text("external abort on a page-table walk at level {}", level);
  }
  switch (code) {
    case 0x10: return "external abort: nothing answers at that address";
    case 0x11: return "tag check fault";
    case 0x21: return "misaligned address";
    case 0x29: return "address size fault at level -1";
    case 0x2b: return "translation fault at level -1";
    case 0x30: return "TLB conflict";
    case 0x35: return "unsupported exclusive or atomic access";
  }
  return text("fault status {:#x}", code);
}

}  // namespace

bool is_data_abort(u64 esr) { return (exception_class(esr) & 0x3e) == 0x24; }
bool is_instruction_abort(u64 esr) { return (exception_class(esr) & 0x3e) == 0x20; }
bool is_write(u64 esr) { return is_data_abort(esr) && (esr & 0x40) != 0; }

bool has_address(u64 esr) {
  const unsigned ec = exception_class(esr);
  const bool invalid = (esr & 0x400) != 0;  // FnV
  return ((is_data_abort(esr) || is_instruction_abort(esr)) && !invalid) || ec == 0x22 ||
         ec == 0x34 || ec == 0x35;
}

bool is_fault(u64 esr) {
  switch (exception_class(esr)) {
    case 0x01:
    case 0x11:
    case 0x15:
    case 0x16:
    case 0x17:
    case 0x30:
    case 0x31:
    case 0x32:
    case 0x33:
    case 0x34:
    case 0x35: return false;
  }
  return true;
}

std::string describe_esr(u64 esr) {
  const unsigned ec = exception_class(esr);
  const char* known = find(std::begin(classes), std::end(classes), ec);
  std::string words = known != nullptr ? std::string(known) : text("exception class {:#x}", ec);
  if (is_data_abort(esr) || is_instruction_abort(esr))
    words += ": " + status(static_cast<unsigned>(esr) & 0x3f);
  if (is_data_abort(esr)) words += is_write(esr) ? ", on a write" : ", on a read";
  if (ec == 0x3c) words += text(" #{:#x}", esr & 0xffff);
  return words;
}

std::string describe_pstate(u64 pstate) {
  if ((pstate & 0x10) != 0) return "AArch32";
  const unsigned level = exception_level(pstate);
  std::string words = text("EL{}{}", level, level == 0 ? "t" : (pstate & 1) != 0 ? "h" : "t");
  constexpr struct {
    u64 bit;
    char letter;
  } masks[] = {{0x200, 'D'}, {0x100, 'A'}, {0x80, 'I'}, {0x40, 'F'}};
  std::string masked;
  for (const auto& mask : masks)
    if ((pstate & mask.bit) != 0) masked += text("{}{}", masked.empty() ? "" : " ", mask.letter);
  return masked.empty() ? words + ", nothing masked" : text("{}, masked: {}", words, masked);
}

VectorSlot vector_slot(u64 offset) {
  constexpr const char* names[] = {
      "synchronous exception, current level with SP_EL0",
      "IRQ, current level with SP_EL0",
      "FIQ, current level with SP_EL0",
      "SError, current level with SP_EL0",
      "synchronous exception, current level with SP_ELx",
      "IRQ, current level with SP_ELx",
      "FIQ, current level with SP_ELx",
      "SError, current level with SP_ELx",
      "synchronous exception from a lower level in AArch64",
      "IRQ from a lower level in AArch64",
      "FIQ from a lower level in AArch64",
      "SError from a lower level in AArch64",
      "synchronous exception from a lower level in AArch32",
      "IRQ from a lower level in AArch32",
      "FIQ from a lower level in AArch32",
      "SError from a lower level in AArch32",
  };
  const u64 number = (offset & (vector_table_size - 1)) / vector_slot_size;
  return {number * vector_slot_size, names[number], number % 4 == 0};
}

const char* system_register(u32 instruction) {
  if ((instruction & 0xffc0'0000) != 0xd500'0000) return nullptr;
  return find(std::begin(registers), std::end(registers), ((instruction >> 5) & 0x7fff) | 0x8000);
}

}  // namespace pv::inspect::aarch64
