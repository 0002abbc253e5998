#include "inspect/disassembler.h"

#include "base/endian.h"
#include "base/text.h"
#include "inspect/aarch64/syndrome.h"
#include "inspect/diagnosis/architecture.h"
#include "inspect/subject.h"

namespace pv::inspect {
namespace {

// What can be said without a disassembler.
std::string known(Arch arch, Bytes code, u64 address, const Instruction& one,
                  const Names* symbols) {
  const std::string target = symbols != nullptr ? symbols->describe(one.target) : std::string();
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

}  // namespace

bool has_disassembler() { return false; }

std::vector<std::string> disassemble(Arch arch, Bytes code, u64 address, u64 mark,
                                     const Names* symbols) {
  std::vector<std::string> lines;
  const Architecture& how = architecture(arch);
  if (arch == Arch::x86_64) {  // without a disassembler nobody knows where instructions begin
    const Bytes some = code.first(std::min<usize>(code.size(), 16));
    if (!some.empty())
      lines.push_back(text("=> {:#x}: {}", address, hexadecimal(arch, some)) +
                      known(arch, code, address, how.decode(code, address), symbols));
    return lines;
  }
  while (!code.empty()) {
    const Instruction one = how.decode(code, address);
    if (one.size == 0 || one.size > code.size()) break;
    const std::string meaning = known(arch, code, address, one, symbols);
    lines.push_back(text("{} {:#x}: {}{}{}", address == mark ? "=>" : "  ", address,
                         hexadecimal(arch, code.first(one.size)), meaning.empty() ? "" : "  ",
                         meaning));
    code = code.subspan(one.size);
    address += one.size;
  }
  return lines;
}

}  // namespace pv::inspect
