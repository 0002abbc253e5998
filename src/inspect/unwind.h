// Call chains by frame pointers: aarch64 and x86_64 {previous frame, return address} at the frame
// pointer, riscv64 the same below it, powerpc the back chain with the return address in the
// caller's frame (32 bits: ELF ABI supplement; 64 bits: ELFv1 ABI). Everything is bounded: frames
// belong to the guest.
//
// Code without frame pointers (Linux on x86_64 with ORC tables) gives a short or wrong chain. Where
// it is short and functions have names, the stack is searched for what looks like return addresses:
// words that lie inside a named function, on x86_64 right behind a call instruction.
#pragma once

#include <string>
#include <vector>

#include "inspect/diagnosis/scene.h"

namespace pv::inspect {

struct CallChain {
  std::vector<std::string> frames;    // innermost first: "name+0x1c (0x...)"
  std::vector<std::string> on_stack;  // what else looks like a return address, the nearest first
};

CallChain unwind(const Scene& scene);

}  // namespace pv::inspect
