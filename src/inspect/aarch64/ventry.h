// Linux's exception entry on arm64, known by its instructions: the macro kernel_ventry of
// arch/arm64/kernel/entry.S (4.14 and later, CONFIG_VMAP_STACK), which tests for a stack overflow
// without a free register, by exchanging sp and x0 arithmetically, and on overflow continues on a
// per-CPU overflow stack.
#pragma once

#include <functional>
#include <optional>

#include "base/types.h"

namespace pv::inspect::aarch64 {

struct Ventry {
  enum class Part : u8 {
    entry,     // sub sp; add sp, sp, x0; sub x0, sp, x0; tbnz x0, #THREAD_SHIFT
    overflow,  // on the way to the overflow stack, before its address is in sp
    switched,  // sp is (or is meant to be) on the overflow stack
  };
  Part part = Part::entry;
  u64 begin = 0;                  // of what was recognised
  u64 add_offset = 0;             // overflow: where the per-CPU offset is added to sp; 0: not seen
  bool offset_read_seen = false;  // "mrs x0, tpidr_el1" stands before it
};

// Looks around `pc`. `word` reads an instruction, nullopt where it is not known: what a short dump
// leaves out is no contradiction.
using ReadWord = std::function<std::optional<u32>(u64)>;
std::optional<Ventry> find_ventry(u64 pc, const ReadWord& word);

}  // namespace pv::inspect::aarch64
