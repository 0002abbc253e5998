// Machine code as text, for people: every instruction where the binary has capstone
// (instruction_text.h); without it the words in hexadecimal, and those instructions named that the
// diagnosis itself knows.
#pragma once

#include <string>
#include <vector>

#include "base/arch.h"
#include "inspect/symbols.h"

namespace pv::inspect {

// One line each; the one at `mark` begins with "=>". Bytes that are no instruction are shown as
// such. `names` may be null.
std::vector<std::string> disassemble(Arch arch, Bytes code, u64 address, u64 mark,
                                     const Names* names);

}  // namespace pv::inspect
