// The loads and stores that are named but not described: exclusives, atomics, pointer
// authentication, memory tags, block transfers, SVE and SME. Arm ARM, C4.1.94 and C4.1.95; newer
// extensions after the 2024 additions to the A-profile architecture.
// LDAPR stands among the atomics' encodings and is an ordinary load.
#include "inspect/aarch64/fields.h"

namespace pv::inspect::aarch64 {
namespace {

constexpr const char* sizes[] = {"b", "h", "", ""};
constexpr const char* orders[] = {"", "l", "a", "al"};  // A:R

const char* order(bool acquire, bool release) {
  return orders[(acquire ? 2 : 0) + (release ? 1 : 0)];
}

Decoded atomic(u32 word, const char* base) {
  return named(Kind::atomic,
               {base, order(bit(word, 23), bit(word, 22)), sizes[field(word, 31, 30)]});
}

// 15 set: swaps, LDAPR, LS64, THE.
Decoded decode_swaps(u32 word) {
  u32 opc = field(word, 14, 12), size = field(word, 31, 30);
  bool plain = !bit(word, 23) && !bit(word, 22);
  if (opc == 0) return atomic(word, "swp");
  if (opc == 4 && bit(word, 23) && !bit(word, 22)) {
    LoadStore a;
    a.load = true;
    a.size = static_cast<u8>(size);
    a.wide = size == 3;
    a.rt = reg(word, 0);
    a.rn = reg(word, 5);
    return {Kind::access, a, {"ldapr", "", sizes[size]}};
  }
  if (size == 3 && plain) {
    if (opc == 1) return named(Kind::block, {"st64b"});
    if (opc == 2) return named(Kind::block, {"st64bv0"});
    if (opc == 3) return named(Kind::block, {"st64bv"});
    if (opc == 5) return named(Kind::block, {"ld64b"});
  }
  if (size < 2 && opc >= 1 && opc <= 3) {
    constexpr const char* names[2][4] = {{"", "rcwclr", "rcwswp", "rcwset"},
                                         {"", "rcwsclr", "rcwsswp", "rcwsset"}};
    return named(Kind::atomic, {names[size][opc], order(bit(word, 23), bit(word, 22))});
  }
  return unallocated();
}

// 31:24 1101'1001, 21 set
Decoded decode_tags(u32 word) {
  constexpr const char* stores[] = {"stg", "stzg", "st2g", "stz2g"};
  constexpr const char* multiples[] = {"stzgm", "ldg", "stgm", "ldgm"};
  u32 opc = field(word, 23, 22);
  if (field(word, 11, 10) != 0) return named(Kind::tag, {stores[opc]});
  if (opc != 1 && field(word, 20, 12) != 0) return unallocated();
  return named(Kind::tag, {multiples[opc]});
}

// 31:24 0s01'1001, 21 set, 11:10 00: two registers at once
Decoded decode_wide_atomic(u32 word) {
  constexpr const char* names[2][2][4] = {
      {{"", "ldclrp", "", "ldsetp"}, {"swpp", "rcwclrp", "rcwswpp", "rcwsetp"}},
      {{"", "", "", ""}, {"", "rcwsclrp", "rcwsswpp", "rcwssetp"}}};
  if (bit(word, 31) || field(word, 14, 12) > 3) return unallocated();
  const char* name = names[bit(word, 30)][bit(word, 15)][field(word, 14, 12)];
  if (*name == '\0') return unallocated();
  return named(Kind::atomic, {name, order(bit(word, 23), bit(word, 22))});
}

// 31:30 size, 26 how, 23:22 which, 15:12 options: memory copy and set
Decoded decode_copy(u32 word) {
  constexpr const char* names[2][4] = {{"cpyfp", "cpyfm", "cpyfe", "set"},
                                       {"cpyp", "cpym", "cpye", "setg"}};
  constexpr const char* phases[] = {"p", "m", "e"};
  if (field(word, 31, 30) != 0) return unallocated();
  bool how = bit(word, 26);
  u32 which = field(word, 23, 22);
  if (which != 3) return named(Kind::block, {names[how][which]});
  u32 phase = field(word, 15, 14);
  if (phase == 3) return unallocated();
  return named(Kind::block, {names[how][3], phases[phase]});
}

// 21 clear, 11:10 10: LRCPC3
Decoded decode_newer_ordered(u32 word) {
  bool load = bit(word, 22);
  if (bit(word, 26))
    return field(word, 31, 30) != 0 && bit(word, 23)
               ? unallocated()
               : named(Kind::ordered, {load ? "ldapur" : "stlur"});
  if (!bit(word, 31)) return unallocated();
  u32 rt2 = field(word, 20, 16), opc2 = field(word, 15, 12);
  if (!bit(word, 23) && opc2 < 2) return named(Kind::ordered, {load ? "ldiapp" : "stilp"});
  if (bit(word, 23) && rt2 == 0 && opc2 == 0)
    return named(Kind::ordered, {load ? "ldapr" : "stlr"});
  return unallocated();
}

}  // namespace

Decoded decode_atomic(u32 word) {
  constexpr const char* names[] = {"ldadd",  "ldclr",  "ldeor",  "ldset",
                                   "ldsmax", "ldsmin", "ldumax", "ldumin"};
  if (bit(word, 26)) return unallocated();
  return bit(word, 15) ? decode_swaps(word) : atomic(word, names[field(word, 14, 12)]);
}

Decoded decode_pointer_auth(u32 word) {
  if (field(word, 31, 30) != 3 || bit(word, 26)) return unallocated();
  return named(Kind::authenticated, {bit(word, 23) ? "ldrab" : "ldraa"});
}

Decoded decode_exclusive(u32 word) {
  u32 size = field(word, 31, 30);
  bool load = bit(word, 22), ordered = bit(word, 15);
  const char* exclusive_order = !ordered ? "" : load ? "a" : "l";
  bool swap = bit(word, 23) || (bit(word, 21) && size < 2);
  if (swap && reg(word, 10) != register_31) return unallocated();
  if (bit(word, 23)) return named(Kind::atomic, {"cas", order(load, ordered), sizes[size]});
  if (!bit(word, 21))
    return named(
        Kind::exclusive,
        {load ? (ordered ? "ldaxr" : "ldxr") : (ordered ? "stlxr" : "stxr"), "", sizes[size]});
  if (swap) return named(Kind::atomic, {"casp", order(load, ordered)});
  return named(Kind::exclusive, {load ? "ld" : "st", exclusive_order, "xp"});
}

Decoded decode_xx01(u32 word) {
  u32 form = field(word, 11, 10);
  if (bit(word, 21)) {
    if (bit(word, 26)) return unallocated();
    if (field(word, 31, 30) == 3) return decode_tags(word);
    return form == 0 ? decode_wide_atomic(word) : unallocated();
  }
  if (form == 1) return decode_copy(word);
  if (form == 2) return decode_newer_ordered(word);
  // Opcodes 31:15 and 11:10 of the two GCS stores; 14:12 says which.
  if (form == 3 && field(word, 31, 15) == 0x1b23e && field(word, 14, 12) < 2)
    return named(Kind::stack, {bit(word, 12) ? "gcssttr" : "gcsstr"});
  return unallocated();
}

// Only the groups are told apart; a vector length decides how much each transfers.
Decoded decode_scalable(u32 word) {
  if (!bit(word, 31)) return {};
  if (field(word, 28, 25) == 0) {
    if (field(word, 31, 25) == 0x70) return named(Kind::scalable, {"SME ld1/st1/ldr/str"});
    if (field(word, 31, 25) == 0x50) return named(Kind::scalable, {"SVE2.1 multi-vector ld1/st1"});
    return {};
  }
  bool whole = field(word, 24, 22) == 6;  // LDR, STR of a vector or predicate register
  switch (field(word, 30, 29)) {
    case 0:
      return named(Kind::scalable,
                   {whole && !bit(word, 15) ? "SVE ldr" : "SVE gather ld1 or ld1r"});
    case 1: return named(Kind::scalable, {"SVE contiguous ld1 to ld4"});
    case 2: return named(Kind::scalable, {"SVE gather ld1"});
    default: return named(Kind::scalable, {whole && !bit(word, 13) ? "SVE str" : "SVE st1 to st4"});
  }
}

}  // namespace pv::inspect::aarch64
