// x86_64 for the diagnosis (Intel SDM volume 3, 6: interrupts and exceptions). The processor keeps
// no cause of the last exception but CR2: which one it was is found by looking at the IDT
// (idt.h) and the stack.
#include "base/text.h"
#include "inspect/diagnosis/architecture.h"

namespace pv::inspect::x86_64 {
namespace {

constexpr u64 flag_if = 1 << 9, cr0_pg = u64{1} << 31, cr0_pe = 1;

CpuState state_of(const hv::RegisterFile& cpu) {
  CpuState state;
  const u64 flags = cpu.get_or("eflags", 0), cr0 = cpu.get_or("cr0", 0);
  const u64 cs = cpu.get_or("cs", 0), base = cpu.get_or("cs_base", 0);
  const bool protected_mode = (cr0 & cr0_pe) != 0;
  const bool is_64 = (cpu.get_or("cs_attributes", 0) & 0x200) != 0;
  state.pc = cpu.get_or("rip", 0) + (is_64 ? 0 : base);
  state.sp = cpu.get_or("rsp", 0);
  state.frame = cpu.get_or("rbp", 0);
  state.user = protected_mode && (cs & 3) == 3;
  state.interrupts_masked = (flags & flag_if) == 0;
  state.translation = (cr0 & cr0_pg) != 0;
  state.mode = text("{}, ring {}, interrupts {}",
                    is_64            ? "64-bit mode"
                    : protected_mode ? "32-bit protected mode"
                                     : "real mode",
                    protected_mode ? cs & 3 : 0, state.interrupts_masked ? "off" : "on");
  state.vectors = cpu.get_or("idt_base", 0);
  if (state.interrupts_masked) {
    state.no_wake = "interrupts are off (EFLAGS.IF is 0): only an NMI could end it";
    state.sure = true;
  }
  return state;
}

i64 extend(u64 value, unsigned width) {
  const u64 sign = u64{1} << (width - 1);
  return static_cast<i64>((value ^ sign) - sign);
}

Instruction decode(Bytes code, u64 address) {
  const auto relative = [&](Op op, usize at, unsigned bytes) -> Instruction {
    if (code.size() < at + bytes) return {.op = Op::other, .size = 0, .target = 0};
    u64 value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= u64{code[at + i]} << 8 * i;
    const u64 size = at + bytes;
    return {op, static_cast<unsigned>(size),
            address + size + static_cast<u64>(extend(value, 8 * bytes))};
  };
  if (code.size() < 2) return {.op = Op::other, .size = 0, .target = 0};
  if (code[0] == 0xf4) return {Op::wait, 1, 0};
  if (code[0] == 0xeb) return relative(Op::jump, 1, 1);
  if (code[0] == 0xe9) return relative(Op::jump, 1, 4);
  if ((code[0] & 0xf0) == 0x70) return relative(Op::branch, 1, 1);
  if (code[0] == 0x0f && (code[1] & 0xf0) == 0x80) return relative(Op::branch, 2, 4);
  if (code[0] == 0x0f && code[1] == 0x0b) return {Op::undefined, 2, 0};
  if (code[0] == 0 && code[1] == 0) return {Op::undefined, 2, 0};
  return {Op::other, 1, 0};
}

std::vector<std::string> words(const hv::RegisterFile& cpu, const CpuState& state) {
  std::vector<std::string> lines = {text("mode      {}", state.mode)};
  const auto line = [&](const char* name, std::string_view label, auto describe) {
    if (const auto value = cpu.get(name))
      lines.push_back(text("{:9} {:016x}  {}", label, *value, describe(*value)));
  };
  line("cr0", "CR0", [](u64 value) {
    return text("paging {}, protection {}", (value & cr0_pg) != 0 ? "on" : "off",
                (value & cr0_pe) != 0 ? "on" : "off");
  });
  line("cr2", "CR2", [](u64 value) {
    return std::string(value == 0 ? "no page fault yet" : "address of the last page fault");
  });
  line("cr3", "CR3", [](u64) { return std::string("page tables"); });
  line("idt_base", "IDT", [&](u64) {
    const u64 limit = cpu.get_or("idt_limit", 0);
    return limit < 16 ? std::string("empty: the next exception is a triple fault")
                      : text("{} gates", (limit + 1) / 16);
  });
  return lines;
}

}  // namespace

const Architecture diagnosed = {state_of, decode, words, 1, false, false};

}  // namespace pv::inspect::x86_64
