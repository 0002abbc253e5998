// Machine code in words by capstone 5, where the binary has it: polyvisor-debug (see
// docs/decisions/capstone-apart.md). This header has two implementations, of which a program links
// one: instruction_text.cpp knows nothing; instruction_text_capstone.cpp, named beside the layer,
// takes its place.
#pragma once

#include <string>
#include <vector>

#include "base/arch.h"
#include "base/types.h"

namespace pv::inspect {

struct InstructionText {
  unsigned size = 0;  // bytes
  std::string words;  // "mrs x0, tpidr_el0"; empty: no instruction
};

bool has_disassembler();

// The instructions in `code`, which begins at `address`, one after the other; what is cut off at
// the end is left out. Empty: no disassembler is here.
std::vector<InstructionText> instruction_texts(Arch arch, Bytes code, u64 address);

}  // namespace pv::inspect
