// Bit fields of an A64 instruction and the parts of the decoder, among its files only.
#pragma once

#include "inspect/aarch64/load_store.h"

namespace pv::inspect::aarch64 {

constexpr u32 field(u32 word, unsigned high, unsigned low) {
  return (word >> low) & ((1u << (high - low + 1)) - 1);
}
constexpr bool bit(u32 word, unsigned at) { return ((word >> at) & 1) != 0; }
constexpr u8 reg(u32 word, unsigned low) { return static_cast<u8>(field(word, low + 4, low)); }

constexpr i64 signed_field(u32 word, unsigned high, unsigned low) {
  unsigned width = high - low + 1;
  i64 value = static_cast<i64>(field(word, high, low));
  return value - ((value >> (width - 1)) << width);
}

constexpr Decoded named(Kind kind, Mnemonic name) { return {kind, {}, name}; }
constexpr Decoded unallocated() { return {Kind::unallocated, {}, {}}; }

// Advanced SIMD structures: bits 29:24 are 001100 or 001101.
Decoded decode_structures(u32 word);
// What is named and refused: each takes the word after its group has been recognised.
Decoded decode_exclusive(u32 word);  // 29:24 001000, bit 23 or bit 21 as an exclusive's or atomic's
Decoded decode_atomic(u32 word);     // 29:27 111, 21 set, 11:10 00
Decoded decode_pointer_auth(u32 word);  // 29:27 111, 21 set, bit 10 set
Decoded decode_xx01(u32 word);          // 29:27 011, 24 set, but for LDAPUR and STLUR
Decoded decode_scalable(u32 word);      // 28:25 0010, or 0000 with bit 31

}  // namespace pv::inspect::aarch64
