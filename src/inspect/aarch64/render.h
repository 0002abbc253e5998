// For tests only: a LoadStore in assembler text, as disassemblers write it, so that every field of
// it takes part in the comparison with one. Numbers are signed decimals.
#pragma once

#include <string>

#include "base/text.h"
#include "inspect/aarch64/load_store.h"

namespace pv::inspect::aarch64 {

inline std::string general(u8 number, bool wide, bool stack = false) {
  if (number == register_31 && stack) return wide ? "sp" : "wsp";
  std::string prefix(1, wide ? 'x' : 'w');
  return prefix + (number == register_31 ? "zr" : std::to_string(number));
}

inline std::string transfer(const LoadStore& a, u8 number) {
  if (a.vector) return "bhsdq"[a.size] + std::to_string(number);
  return general(number, a.wide);
}

// {v0.8b, v1.8b}, {v1.h, v2.h}[3]
inline std::string list(const LoadStore& a) {
  std::string out = "{";
  for (unsigned i = 0; i < a.registers; ++i) {
    if (i != 0) out += ", ";
    out += 'v' + std::to_string((a.rt + i) % 32) + '.';
    if (a.layout != LoadStore::Layout::lane) out += std::to_string(a.lanes);
    out += "bhsd"[a.size];
  }
  out += '}';
  if (a.layout == LoadStore::Layout::lane) out += '[' + std::to_string(a.lane) + ']';
  return out;
}

inline std::string index_text(const LoadStore& a, bool shifted) {
  std::string out = general(a.rm, !a.index_word);
  if (a.index_word) out += a.index_signed ? ", sxtw" : ", uxtw";
  if (!a.index_word && a.index_signed) out += ", sxtx";
  if (!shifted) return out;
  if (!a.index_word && !a.index_signed) out += ", lsl";
  return out + " #" + std::to_string(a.shift);
}

// `shifted`: bit 12, which for bytes is visible in the text only.
inline std::string render(const Decoded& d, u64 pc, bool shifted) {
  const LoadStore& a = d.access;
  std::string out = d.name.text() + ' ';
  bool structure = a.layout != LoadStore::Layout::whole;
  if (structure) out += list(a);
  for (unsigned i = 0; i < a.registers && !structure; ++i)
    out += (i != 0 ? ", " : "") + transfer(a, i == 0 ? a.rt : a.rt2);
  out += ", ";
  if (a.address == LoadStore::Address::literal)
    return out + '#' + std::to_string(static_cast<i64>(pc) + a.offset);
  out += '[' + general(a.rn, true, true);
  if (structure && a.writeback == LoadStore::Writeback::after)
    return out + "], " +
           (a.address == LoadStore::Address::indexed ? general(a.rm, true)
                                                     : '#' + std::to_string(a.offset));
  if (a.address == LoadStore::Address::indexed) return out + ", " + index_text(a, shifted) + ']';
  std::string offset = '#' + std::to_string(a.offset);
  if (a.writeback == LoadStore::Writeback::after) return out + "], " + offset;
  if (a.offset != 0 || a.writeback == LoadStore::Writeback::before) out += ", " + offset;
  return out + (a.writeback == LoadStore::Writeback::before ? "]!" : "]");
}

}  // namespace pv::inspect::aarch64
