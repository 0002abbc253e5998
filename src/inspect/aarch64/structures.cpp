// Advanced SIMD structures: LD1 to LD4 and ST1 to ST4 of whole registers, of one lane, and LD1R to
// LD4R. Arm ARM, C4.1.94 "Advanced SIMD load/store multiple structures" and the three beside it.
#include "inspect/aarch64/fields.h"

namespace pv::inspect::aarch64 {
namespace {

using Layout = LoadStore::Layout;

constexpr const char* loads[] = {"", "ld1", "ld2", "ld3", "ld4"};
constexpr const char* stores[] = {"", "st1", "st2", "st3", "st4"};
constexpr const char* replicating[] = {"", "ld1r", "ld2r", "ld3r", "ld4r"};

// Post-indexed (23): by a register, or by what was transferred where Rm says 31.
bool set_index(u32 word, LoadStore& a) {
  a.vector = true;
  a.load = bit(word, 22);
  a.rt = reg(word, 0);
  a.rn = reg(word, 5);
  u8 rm = reg(word, 16);
  if (!bit(word, 23)) return rm == 0;
  a.writeback = LoadStore::Writeback::after;
  if (rm == register_31) {
    a.offset = i64{a.bytes()};
  } else {
    a.address = LoadStore::Address::indexed;
    a.rm = rm;
  }
  return true;
}

Decoded decode_multiple(u32 word) {
  if (bit(word, 21)) return unallocated();
  LoadStore a;
  unsigned structure = 1;
  switch (field(word, 15, 12)) {
    case 0:
      structure = 4;
      a.registers = 4;
      break;
    case 2: a.registers = 4; break;
    case 4:
      structure = 3;
      a.registers = 3;
      break;
    case 6: a.registers = 3; break;
    case 7: a.registers = 1; break;
    case 8:
      structure = 2;
      a.registers = 2;
      break;
    case 10: a.registers = 2; break;
    default: return unallocated();
  }
  bool full = bit(word, 30);
  a.size = static_cast<u8>(field(word, 11, 10));
  a.lanes = static_cast<u8>((full ? 16u : 8u) >> a.size);
  a.layout = structure == 1 ? Layout::consecutive : Layout::interleaved;
  if (structure != 1 && a.size == 3 && !full) return unallocated();
  if (!set_index(word, a)) return unallocated();
  return {Kind::access, a, {a.load ? loads[structure] : stores[structure]}};
}

// A lane's number is Q:S:size, as many bits of it as the element's size leaves.
bool set_lane(u32 word, LoadStore& a) {
  u32 scale = field(word, 15, 14), size = field(word, 11, 10);
  u32 number = (bit(word, 30) ? 8u : 0u) | (bit(word, 12) ? 4u : 0u) | size;
  a.layout = Layout::lane;
  if (scale == 1 && (size & 1) != 0) return false;
  if (scale == 2 && (size & 2) != 0) return false;
  if (scale == 2 && size == 1) {
    if (bit(word, 12)) return false;
    scale = 3;
  }
  a.size = static_cast<u8>(scale);
  a.lane = static_cast<u8>(number >> scale);
  return true;
}

Decoded decode_single(u32 word) {
  LoadStore a;
  unsigned structure = (bit(word, 13) ? 2u : 0u) + (bit(word, 21) ? 1u : 0u) + 1;
  a.registers = static_cast<u8>(structure);
  bool replicate = field(word, 15, 14) == 3;
  if (replicate) {
    if (!bit(word, 22) || bit(word, 12)) return unallocated();
    a.layout = Layout::replicate;
    a.size = static_cast<u8>(field(word, 11, 10));
    a.lanes = static_cast<u8>((bit(word, 30) ? 16u : 8u) >> a.size);
  } else if (!set_lane(word, a)) {
    return unallocated();
  }
  if (!set_index(word, a)) return unallocated();
  const char* name = replicate ? replicating[structure]
                     : a.load  ? loads[structure]
                               : stores[structure];
  return {Kind::access, a, {name}};
}

}  // namespace

Decoded decode_structures(u32 word) {
  if (bit(word, 31)) return unallocated();
  return bit(word, 24) ? decode_single(word) : decode_multiple(word);
}

}  // namespace pv::inspect::aarch64
