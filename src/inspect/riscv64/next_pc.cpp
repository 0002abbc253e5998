// riscv64: RV64GC, with sequences from LR to SC as one step (The RISC-V Instruction Set Manual,
// volume I, 20240411, 13.2 and 13.3; 26 for compressed instructions). Absent: vector instructions,
// which do not branch; MRET, which no guest has.
#include <array>

#include "base/text.h"
#include "inspect/next_pc.h"

namespace pv::inspect::riscv64 {
namespace {

constexpr u32 longest_reserved_sequence = 16;  // instructions, as the manual demands of them
constexpr u32 sret = 0x1020'0073;

// Bits `from` to `from + count - 1` of `word`, moved to bit `to`.
constexpr u64 bits(u32 word, unsigned from, unsigned count, unsigned to) {
  return u64{word >> from & ((1u << count) - 1)} << to;
}
constexpr u64 sign(u64 value, unsigned width) {
  return static_cast<u64>(static_cast<i64>(value << (64 - width)) >> (64 - width));
}

constexpr u64 branch_offset(u32 i) {
  return sign(bits(i, 8, 4, 1) | bits(i, 25, 6, 5) | bits(i, 7, 1, 11) | bits(i, 31, 1, 12), 13);
}
constexpr u64 jump_offset(u32 i) {
  return sign(bits(i, 21, 10, 1) | bits(i, 20, 1, 11) | bits(i, 12, 8, 12) | bits(i, 31, 1, 20),
              21);
}
constexpr u64 short_jump_offset(u32 i) {  // C.J
  return sign(bits(i, 3, 3, 1) | bits(i, 11, 1, 4) | bits(i, 2, 1, 5) | bits(i, 7, 1, 6) |
                  bits(i, 6, 1, 7) | bits(i, 9, 2, 8) | bits(i, 8, 1, 10) | bits(i, 12, 1, 11),
              12);
}
constexpr u64 short_branch_offset(u32 i) {  // C.BEQZ, C.BNEZ
  return sign(bits(i, 3, 2, 1) | bits(i, 10, 2, 3) | bits(i, 2, 1, 5) | bits(i, 5, 2, 6) |
                  bits(i, 12, 1, 8),
              9);
}

// An instruction as far as it decides where to go on.
struct Flow {
  enum class Kind : u8 { straight, jump, indirect, branch, back } kind = Kind::straight;
  u64 offset = 0;
  unsigned base = 0;  // indirect: the register
  bool taken = false;
};

struct Decoder {
  const hv::RegisterFile& file;
  u64 x(unsigned number) const { return number == 0 ? 0 : file.values[number].low; }

  bool condition(u32 i) const {
    u64 a = x(i >> 15 & 31), b = x(i >> 20 & 31);
    switch (i >> 12 & 7) {
      case 0: return a == b;
      case 1: return a != b;
      case 4: return static_cast<i64>(a) < static_cast<i64>(b);
      case 5: return static_cast<i64>(a) >= static_cast<i64>(b);
      case 6: return a < b;
      case 7: return a >= b;
    }
    return false;
  }

  Flow compressed(u32 i) const {
    using Kind = Flow::Kind;
    u32 quadrant = i & 3, function = i >> 13 & 7;
    if (quadrant == 1 && function == 5) return {Kind::jump, short_jump_offset(i), 0, true};
    if (quadrant == 1 && function >= 6) {
      bool zero = x(8 + (i >> 7 & 7)) == 0;
      return {Kind::branch, short_branch_offset(i), 0, zero == (function == 6)};
    }
    unsigned register_number = i >> 7 & 31;
    bool jumps = quadrant == 2 && function == 4 && (i >> 2 & 31) == 0 && register_number != 0;
    if (jumps) return {Kind::indirect, 0, register_number, true};  // C.JR, C.JALR
    return {};
  }

  Flow decode(u32 i) const {
    using Kind = Flow::Kind;
    if (instruction_size(i) == 2) return compressed(i);
    switch (i & 0x7f) {
      case 0x63: return {Kind::branch, branch_offset(i), 0, condition(i)};
      case 0x67:
        return {Kind::indirect, sign(i >> 20, 12), static_cast<unsigned>(i >> 15 & 31), true};
      case 0x6f: return {Kind::jump, jump_offset(i), 0, true};
    }
    if (i == sret) return {Kind::back, 0, 0, true};
    return {};
  }
};

bool is_reserved(u32 i, u32 function) { return (i & 0x7f) == 0x2f && i >> 27 == function; }
constexpr u32 lr = 2, sc = 3;

// From a load-reserved to behind its store-conditional: straight on, and wherever a branch leaves.
std::optional<NextPc> after_sequence(const Decoder& decoder, u64 pc, const Fetch& fetch) {
  std::array<u64, longest_reserved_sequence> leaves{};
  usize count = 0;
  u64 at = pc;
  for (u32 i = 0; i <= longest_reserved_sequence; ++i) {
    auto instruction = fetch(at);
    if (!instruction) return std::nullopt;
    u64 next = at + instruction_size(*instruction);
    if (is_reserved(*instruction, sc)) {
      NextPc found{{next}, false};
      for (usize j = 0; j < count; ++j)
        if (leaves[j] < pc || leaves[j] > next) found.addresses.push_back(leaves[j]);
      return found;
    }
    Flow flow = decoder.decode(*instruction);
    if (flow.kind == Flow::Kind::branch && count < leaves.size())
      leaves[count++] = at + flow.offset;
    else if (flow.kind != Flow::Kind::straight)
      return std::nullopt;  // not one of the sequences that must succeed
    at = next;
  }
  return std::nullopt;
}

}  // namespace

Result<NextPc> next_pc(const hv::RegisterFile& registers, const Fetch& fetch) {
  u64 pc = registers.get_or("pc", 0);
  auto instruction = fetch(pc);
  if (!instruction) return fail(Error::Kind::image, text("no instruction at {:#x}", pc));
  Decoder decoder{registers};
  if (is_reserved(*instruction, lr))
    if (auto found = after_sequence(decoder, pc, fetch)) return *found;
  Flow flow = decoder.decode(*instruction);
  u64 next = pc + instruction_size(*instruction);
  switch (flow.kind) {
    case Flow::Kind::straight: break;
    case Flow::Kind::jump:
    case Flow::Kind::branch:
      if (flow.taken) next = pc + flow.offset;
      break;
    case Flow::Kind::indirect: next = (decoder.x(flow.base) + flow.offset) & ~u64{1}; break;
    case Flow::Kind::back: next = registers.get_or("sepc", 0); break;
  }
  return NextPc{{next}, next == pc};
}

}  // namespace pv::inspect::riscv64
