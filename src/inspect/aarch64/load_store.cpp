#include "inspect/aarch64/load_store.h"

#include "inspect/aarch64/fields.h"

namespace pv::inspect::aarch64 {
namespace {

using Address = LoadStore::Address;
using Writeback = LoadStore::Writeback;

constexpr const char* sizes[] = {"b", "h", "", ""};
constexpr const char* signed_sizes[] = {"sb", "sh", "sw", ""};

// The meaning of size (31:30), V (26) and opc (23:22), which all single-register forms share.
// False: unallocated, or a prefetch (size 3, opc 2).
bool single(u32 word, LoadStore& a) {
  u32 size = field(word, 31, 30), opc = field(word, 23, 22);
  a.rt = reg(word, 0);
  a.rn = reg(word, 5);
  a.size = static_cast<u8>(size);
  a.load = opc != 0;
  if (bit(word, 26)) {
    a.vector = true;
    a.load = (opc & 1) != 0;
    if (opc < 2) return true;
    a.size = 4;
    return size == 0;
  }
  a.wide = size == 3 || opc == 2;
  a.sign_extend = opc >= 2;
  return opc < 2 || (opc == 2 ? size < 3 : size < 2);
}

// "ldur" + "sb"
Mnemonic single_name(const LoadStore& a, const char* load, const char* store) {
  if (a.vector) return {a.load ? load : store};
  return {a.load ? load : store, "", a.sign_extend ? signed_sizes[a.size] : sizes[a.size]};
}

bool is_prefetch(u32 word) {
  return field(word, 31, 30) == 3 && !bit(word, 26) && field(word, 23, 22) == 2;
}

// Unscaled, post-indexed, unprivileged, pre-indexed: imm9 in 20:12, which of them in 11:10.
Decoded decode_imm9(u32 word) {
  u32 form = field(word, 11, 10);
  if (is_prefetch(word)) return form == 0 ? named(Kind::prefetch, {"prfum"}) : unallocated();
  LoadStore a;
  if (!single(word, a)) return unallocated();
  a.offset = signed_field(word, 20, 12);
  switch (form) {
    case 0: return {Kind::access, a, single_name(a, "ldur", "stur")};
    case 2:
      if (a.vector) return unallocated();
      a.unprivileged = true;
      return {Kind::access, a, single_name(a, "ldtr", "sttr")};
    case 1: a.writeback = Writeback::after; break;
    default: a.writeback = Writeback::before; break;
  }
  return {Kind::access, a, single_name(a, "ldr", "str")};
}

Decoded decode_register_offset(u32 word) {
  if (!bit(word, 14)) return unallocated();
  if (is_prefetch(word)) return named(Kind::prefetch, {"prfm"});
  LoadStore a;
  if (!single(word, a)) return unallocated();
  a.address = Address::indexed;
  a.rm = reg(word, 16);
  a.index_word = !bit(word, 13);
  a.index_signed = bit(word, 15);
  a.shift = bit(word, 12) ? a.size : u8{0};
  return {Kind::access, a, single_name(a, "ldr", "str")};
}

Decoded decode_imm12(u32 word) {
  if (is_prefetch(word)) return named(Kind::prefetch, {"prfm"});
  LoadStore a;
  if (!single(word, a)) return unallocated();
  a.offset = i64{field(word, 21, 10)} << a.size;
  return {Kind::access, a, single_name(a, "ldr", "str")};
}

// 29:27 111
Decoded decode_register(u32 word) {
  if (bit(word, 24)) return decode_imm12(word);
  if (!bit(word, 21)) return decode_imm9(word);
  switch (field(word, 11, 10)) {
    case 0: return decode_atomic(word);
    case 2: return decode_register_offset(word);
    default: return decode_pointer_auth(word);
  }
}

// 29:27 101
Decoded decode_pair(u32 word) {
  u32 opc = field(word, 31, 30), form = field(word, 24, 23);
  LoadStore a;
  a.registers = 2;
  a.load = bit(word, 22);
  a.vector = bit(word, 26);
  a.rt = reg(word, 0);
  a.rt2 = reg(word, 10);
  a.rn = reg(word, 5);
  if (opc == 3) return unallocated();
  if (a.vector) {
    a.size = static_cast<u8>(2 + opc);
  } else if (opc == 1) {
    if (form == 0) return unallocated();
    if (!a.load) return named(Kind::tag, {"stgp"});
    a.size = 2;
    a.sign_extend = a.wide = true;
  } else {
    a.size = opc == 0 ? 2 : 3;
    a.wide = opc == 2;
  }
  a.offset = signed_field(word, 21, 15) * i64{a.element_bytes()};
  if (form == 1) a.writeback = Writeback::after;
  if (form == 3) a.writeback = Writeback::before;
  if (form == 0) return {Kind::access, a, {a.load ? "ldnp" : "stnp"}};
  return {Kind::access, a, {a.load ? "ldp" : "stp", "", a.sign_extend ? "sw" : ""}};
}

// 29:27 011, 24 clear
Decoded decode_literal(u32 word) {
  u32 opc = field(word, 31, 30);
  LoadStore a;
  a.load = true;
  a.vector = bit(word, 26);
  a.address = Address::literal;
  a.rt = reg(word, 0);
  a.offset = signed_field(word, 23, 5) * 4;
  if (opc == 3) return a.vector ? unallocated() : named(Kind::prefetch, {"prfm"});
  if (a.vector) {
    a.size = static_cast<u8>(2 + opc);
  } else {
    a.size = opc == 1 ? 3 : 2;
    a.sign_extend = opc == 2;
    a.wide = opc != 0;
  }
  return {Kind::access, a, {"ldr", "", a.sign_extend ? "sw" : ""}};
}

// LDAPUR, STLUR and their like: 29:24 011001, 21 clear, 11:10 00
Decoded decode_ordered_unscaled(u32 word) {
  LoadStore a;
  if (is_prefetch(word) || !single(word, a)) return unallocated();
  a.offset = signed_field(word, 20, 12);
  return {Kind::access, a, single_name(a, "ldapur", "stlur")};
}

// LDAR, STLR, LDLAR, STLLR: 29:24 001000, 23 set, 21 clear
Decoded decode_ordered(u32 word) {
  LoadStore a;
  a.load = bit(word, 22);
  a.size = static_cast<u8>(field(word, 31, 30));
  a.wide = a.size == 3;
  a.rt = reg(word, 0);
  a.rn = reg(word, 5);
  bool strong = bit(word, 15);
  const char* base = a.load ? (strong ? "ldar" : "ldlar") : (strong ? "stlr" : "stllr");
  return {Kind::access, a, {base, "", sizes[a.size]}};
}

// 29:27 001
Decoded decode_xx00(u32 word) {
  if (bit(word, 26)) return decode_structures(word);
  if (bit(word, 24)) return unallocated();
  if (bit(word, 23) && !bit(word, 21)) return decode_ordered(word);
  return decode_exclusive(word);
}

}  // namespace

bool LoadStore::unpredictable() const {
  bool pair = registers == 2 && layout == Layout::whole;
  if (pair && load && rt == rt2) return true;
  if (writeback == Writeback::none || vector || rn == register_31) return false;
  return rt == rn || (pair && rt2 == rn);
}

unsigned LoadStore::bytes() const {
  bool each_lane = layout == Layout::consecutive || layout == Layout::interleaved;
  return unsigned{registers} * (each_lane ? lanes : 1u) * element_bytes();
}

std::string Mnemonic::text() const { return std::string(base) + order + suffix; }

Decoded decode(u32 word) {
  u32 group = field(word, 28, 25);
  if (group == 2 || (group == 0 && bit(word, 31))) return decode_scalable(word);
  if ((group & 5) != 4) return {};
  switch (field(word, 29, 27)) {
    case 1: return decode_xx00(word);
    case 3:
      if (!bit(word, 24)) return decode_literal(word);
      if (!bit(word, 26) && !bit(word, 21) && field(word, 11, 10) == 0)
        return decode_ordered_unscaled(word);
      return decode_xx01(word);
    case 5: return decode_pair(word);
    default: return decode_register(word);
  }
}

const char* describe(Kind kind) {
  switch (kind) {
    case Kind::access: return "a load or store";
    case Kind::prefetch: return "a prefetch";
    case Kind::exclusive: return "an exclusive load or store";
    case Kind::atomic: return "an atomic read-modify-write";
    case Kind::authenticated: return "a load with pointer authentication";
    case Kind::tag: return "an access to memory tags";
    case Kind::block: return "a block transfer";
    case Kind::ordered: return "an ordered load or store of FEAT_LRCPC3";
    case Kind::stack: return "a store to a guarded control stack";
    case Kind::scalable: return "a scalable vector (SVE, SME) load or store";
    case Kind::unallocated: return "a load or store that polyvisor does not know";
    case Kind::other: return "no load or store";
  }
  return "?";
}

}  // namespace pv::inspect::aarch64
