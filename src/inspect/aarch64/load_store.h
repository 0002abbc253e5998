// What an A64 load or store instruction does, from its 32 bits alone: for completing a device
// access that the processor did not describe (complete.h), and for naming the ones that cannot be
// completed.
//
// Specification: Arm Architecture Reference Manual, DDI 0487J, C4.1.94 "Loads and Stores"; the
// instructions' own pages in C6.2 and C7.2. Pure: no registers, no memory.
// Deliberately absent: the operands of what is refused (exclusives, atomics, tags, SVE, SME), and
// A32.
#pragma once

#include <string>

#include "base/types.h"

namespace pv::inspect::aarch64 {

// Register number 31: the stack pointer as a base, the zero register elsewhere.
inline constexpr u8 register_31 = 31;

struct LoadStore {
  // Where the address comes from.
  enum class Address : u8 { immediate, indexed, literal };
  enum class Writeback : u8 { none, before, after };  // pre- and post-indexed
  // What goes where, for more than one element (Advanced SIMD structures).
  enum class Layout : u8 {
    whole,        // each register is one element: all but LD1 to LD4, ST1 to ST4
    consecutive,  // register after register, element by element: LD1, ST1
    interleaved,  // element after element, register by register: LD2 to LD4
    lane,         // one element of each register
    replicate,    // one element to all lanes of each register
  };

  bool load = false;
  bool vector = false;  // V registers
  bool sign_extend = false;
  bool wide = false;          // the general registers' whole 64 bits; else the upper half becomes 0
  bool unprivileged = false;  // LDTR, STTR
  u8 size = 0;                // log2 of an element's bytes: 0 to 4
  u8 registers = 1;  // 1 to 4; a pair is rt and rt2, structures are rt, rt + 1, ... modulo 32
  u8 rt = 0, rt2 = 0, rn = 0, rm = 0;
  Address address = Address::immediate;
  Writeback writeback = Writeback::none;
  Layout layout = Layout::whole;
  u8 lane = 0;   // Layout::lane
  u8 lanes = 1;  // a register's elements for consecutive, interleaved and replicate
  // Address::indexed: the register extended from 32 bits (or not), then shifted. For structures
  // the index register is added after the access.
  bool index_word = false, index_signed = false;
  u8 shift = 0;
  i64 offset = 0;  // Address::immediate, literal (from the instruction's own address)

  bool operator==(const LoadStore&) const = default;
  unsigned element_bytes() const { return 1u << size; }
  // The architecture leaves several behaviours open ("CONSTRAINED UNPREDICTABLE"): a pair into one
  // register, or write-back to a register that is also transferred.
  bool unpredictable() const;
  // Of memory, from the first to the last byte: at most 64.
  unsigned bytes() const;
};

// "ldaddalh" in three parts, all of them literals.
struct Mnemonic {
  const char* base = "";
  const char* order = "";   // "", "a", "l", "al"
  const char* suffix = "";  // "", "b", "sh", ...
  std::string text() const;
};

enum class Kind : u8 {
  access,         // completely described by a LoadStore
  prefetch,       // a hint, which accesses nothing that a program could see
  exclusive,      // LDXR, STXP, ...
  atomic,         // LSE, LSE128, THE: reads and writes in one
  authenticated,  // LDRAA, LDRAB
  tag,            // memory tagging
  block,          // 64 bytes at once (LS64), memory copy and set
  ordered,        // LRCPC3's additions
  stack,          // guarded control stack
  scalable,       // SVE, SME
  unallocated,    // in the loads' and stores' encoding space, but none (or none known in 2024)
  other,          // not a load or store
};

struct Decoded {
  Kind kind = Kind::other;
  LoadStore access;  // Kind::access
  Mnemonic name;     // empty for unallocated and other
};

Decoded decode(u32 instruction);

// "an exclusive load or store": in a sentence, for people.
const char* describe(Kind kind);

}  // namespace pv::inspect::aarch64
