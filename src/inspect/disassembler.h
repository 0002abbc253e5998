// Machine code as text, for people. With capstone (5 or newer) every instruction; without it the
// words in hexadecimal, and those instructions named that the diagnosis itself knows.
#pragma once

#include <string>
#include <vector>

#include "base/arch.h"
#include "inspect/symbols.h"

namespace pv::inspect {

// Whether this binary has capstone in it.
bool has_disassembler();

// One line each; the one at `mark` begins with "=>". Bytes that are no instruction are shown as
// such. `symbols` may be null.
std::vector<std::string> disassemble(Arch arch, Bytes code, u64 address, u64 mark,
                                     const Names* symbols);

}  // namespace pv::inspect
