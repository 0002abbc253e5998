#include "inspect/disassembler.h"

#include <algorithm>

#include "base/endian.h"
#include "base/text.h"
#include "inspect/aarch64/syndrome.h"
#include "inspect/diagnosis/architecture.h"
#include "inspect/instruction_text.h"
#include "inspect/subject.h"

namespace pv::inspect {
namespace {

// The name of where an instruction jumps to.
std::string target_name(const Instruction& one, const Names* names) {
  if (names == nullptr || (one.op != Op::jump && one.op != Op::branch)) return {};
  return names->describe(one.target);
}

// What can be said without a disassembler.
std::string known(Arch arch, Bytes code, u64 address, const Instruction& one, const Names* names) {
  const std::string target = target_name(one, names);
  switch (one.op) {
    case Op::wait: return "waits for an interrupt";
    case Op::undefined: return "no instruction";
    case Op::jump:
    case Op::branch:
      return text("{} {:#x}{}{}{}", one.op == Op::jump ? "jumps to" : "may branch to", one.target,
                  one.target == address ? ": to itself" : "", target.empty() ? "" : " ", target);
    case Op::other: break;
  }
  if (arch != Arch::aarch64 || code.size() < 4) return {};
  const u32 word = load_as<Le32>(code, 0);
  const char* system = aarch64::system_register(word);
  if (system == nullptr) return {};
  const unsigned rt = word & 31;
  return aarch64::is_mrs(word) ? text("mrs x{}, {}", rt, system) : text("msr {}, x{}", system, rt);
}

std::string hexadecimal(Arch arch, Bytes code) {
  if (arch == Arch::x86_64) {
    std::string bytes;
    for (u8 byte : code) bytes += text("{:02x} ", byte);
    return bytes;
  }
  if (code.size() == 2) return text("{:04x}    ", u16{load_as<Le16>(code, 0)});
  return text("{:08x}",
              big_endian(arch) ? u32{load_as<Be32>(code, 0)} : u32{load_as<Le32>(code, 0)});
}

// Without a disassembler; on x86_64 nobody knows then where instructions begin.
std::vector<InstructionText> own_texts(Arch arch, Bytes code, u64 address, const Names* names) {
  std::vector<InstructionText> all;
  while (!code.empty()) {
    const Instruction one = architecture(arch).decode(code, address);
    const usize size = arch == Arch::x86_64 ? std::min<usize>(code.size(), 16) : one.size;
    if (size == 0 || size > code.size()) break;
    all.push_back({static_cast<unsigned>(size), known(arch, code, address, one, names)});
    if (arch == Arch::x86_64) break;
    code = code.subspan(size);
    address += size;
  }
  return all;
}

}  // namespace

std::vector<std::string> disassemble(Arch arch, Bytes code, u64 address, u64 mark,
                                     const Names* names) {
  std::vector<std::string> lines;
  std::vector<InstructionText> texts = instruction_texts(arch, code, address);
  const bool whole = !texts.empty();
  if (!whole) texts = own_texts(arch, code, address, names);
  for (InstructionText& one : texts) {
    if (whole) {
      const Instruction decoded = architecture(arch).decode(code, address);
      const std::string target = target_name(decoded, names);
      // Not all of Book3E is known to capstone ("wait").
      if (one.words.empty()) one.words = known(arch, code, address, decoded, names);
      if (one.words.empty()) one.words = "no instruction";
      if (!target.empty()) one.words += " <" + target + ">";
    }
    lines.push_back(text("{} {:#x}: {}{}{}", address == mark ? "=>" : "  ", address,
                         hexadecimal(arch, code.first(one.size)), one.words.empty() ? "" : "  ",
                         one.words));
    code = code.subspan(one.size);
    address += one.size;
  }
  return lines;
}

}  // namespace pv::inspect
