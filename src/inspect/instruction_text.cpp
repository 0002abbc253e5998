#include "inspect/instruction_text.h"

namespace pv::inspect {

bool has_disassembler() { return false; }

std::vector<InstructionText> instruction_texts(Arch, Bytes, u64) { return {}; }

}  // namespace pv::inspect
