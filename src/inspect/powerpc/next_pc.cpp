// Power ISA: branches by their conditions, returns from interrupts, sequences from lwarx to stwcx.
// as one step (Power ISA 2.06, book I, 2.4; book II, 4.4.2; book III-E, 4.2). Absent: VLE.
#include "inspect/next_pc.h"
#include "base/text.h"

namespace pv::inspect::powerpc {
namespace {

constexpr u32 longest_reserved_sequence = 16;
constexpr u64 msr_cm = 1ull << 31;

constexpr u32 opcode(u32 i) { return i >> 26; }
constexpr u32 extended(u32 i) { return i >> 1 & 0x3ff; }

bool loads_reserved(u32 i) {
  u32 x = extended(i);
  return opcode(i) == 31 && (x == 20 || x == 84 || x == 52 || x == 116);  // word dword byte half
}
bool stores_conditionally(u32 i) {
  u32 x = extended(i);
  return opcode(i) == 31 && (x == 150 || x == 214 || x == 694 || x == 726);
}

// BO and BI of a conditional branch, with CTR as it is before.
bool taken(u32 i, const hv::RegisterFile& file, bool wide) {
  u32 bo = i >> 21 & 31, bi = i >> 16 & 31;
  u64 counter = file.get_or("ctr", 0) - 1;
  if (!wide) counter &= 0xffff'ffff;
  bool counter_fine = (bo & 4) != 0 || ((counter != 0) != ((bo & 2) != 0));
  bool set = (file.get_or("cr", 0) >> (31 - bi) & 1) != 0;
  bool condition_fine = (bo & 16) != 0 || set == ((bo & 8) != 0);
  return counter_fine && condition_fine;
}

u64 sign(u64 value, unsigned width) {
  return static_cast<u64>(static_cast<i64>(value << (64 - width)) >> (64 - width));
}

// The target of a branch that has it in its own bits.
u64 direct_target(u32 i, u64 pc) {
  u64 offset = opcode(i) == 18 ? sign(i & 0x03ff'fffc, 26) : sign(i & 0xfffc, 16);
  return (i & 2) != 0 ? offset : pc + offset;
}

// The register from which opcode 19 goes on; null: it does not branch.
const char* target_register(u32 i) {
  if (opcode(i) != 19) return nullptr;
  switch (extended(i)) {
    case 16: return "lr";
    case 528: return "ctr";
    case 50: return "srr0";    // rfi
    case 51: return "csrr0";   // rfci
    case 39: return "dsrr0";   // rfdi
    case 38: return "mcsrr0";  // rfmci
  }
  return nullptr;
}

std::optional<NextPc> after_sequence(u64 pc, const Fetch& fetch) {
  NextPc found;
  u64 at = pc;
  for (u32 i = 0; i <= longest_reserved_sequence; ++i, at += 4) {
    auto instruction = fetch(at);
    if (!instruction) return std::nullopt;
    if (stores_conditionally(*instruction)) {
      std::erase_if(found.addresses, [&](u64 leaves) { return leaves >= pc && leaves <= at + 4; });
      found.addresses.push_back(at + 4);
      return found;
    }
    if (opcode(*instruction) == 16)
      found.addresses.push_back(direct_target(*instruction, at));
    else if (opcode(*instruction) == 18 || target_register(*instruction) != nullptr)
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Result<NextPc> next_pc(const hv::RegisterFile& registers, const Fetch& fetch) {
  u64 pc = registers.get_or("pc", 0);
  auto instruction = fetch(pc);
  if (!instruction) return fail(Error::Kind::image, text("no instruction at {:#x}", pc));
  u32 i = *instruction;
  if (loads_reserved(i))
    if (auto found = after_sequence(pc, fetch)) return *found;
  bool wide = (registers.get_or("msr", 0) & msr_cm) != 0;
  const char* from = target_register(i);
  bool returns = from != nullptr && extended(i) != 16 && extended(i) != 528;
  u64 next = pc + 4;
  if (opcode(i) == 18 || (opcode(i) == 16 && taken(i, registers, wide)))
    next = direct_target(i, pc);
  else if (returns || (from != nullptr && taken(i, registers, wide)))
    next = registers.get_or(from, 0) & ~u64{3};
  if (!wide) next &= 0xffff'ffff;
  // A loop of one instruction that counts down is one step.
  if (next == pc && opcode(i) == 16 && (i >> 21 & 4) == 0) next = pc + 4;
  return NextPc{{next}, next == pc};
}

}  // namespace pv::inspect::powerpc
