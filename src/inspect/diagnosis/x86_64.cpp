// x86_64 for the diagnosis (Intel SDM volume 3, 6: interrupts and exceptions). The processor keeps
// no cause of the last exception but CR2: which one it was is told by the gate of the IDT that
// PC is behind.
#include <algorithm>
#include <array>

#include "base/endian.h"
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
  state.all_masked = cpu.get("eflags") && state.interrupts_masked;
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

constexpr const char* exceptions[] = {"divide error (#DE)",
                                      "debug (#DB)",
                                      nullptr,
                                      "breakpoint (#BP)",
                                      "overflow (#OF)",
                                      "bound range (#BR)",
                                      "invalid opcode (#UD)",
                                      "device not available (#NM)",
                                      "double fault (#DF)",
                                      nullptr,
                                      "invalid TSS (#TS)",
                                      "segment not present (#NP)",
                                      "stack fault (#SS)",
                                      "general protection (#GP)",
                                      "page fault (#PF)",
                                      nullptr,
                                      "x87 error (#MF)",
                                      "alignment check (#AC)",
                                      "machine check (#MC)",
                                      "SIMD error (#XM)",
                                      "virtualization exception (#VE)",
                                      "control protection (#CP)"};

constexpr bool has_error_code(usize vector) {
  return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
}

// What the processor has pushed, at the very begin of a handler.
void read_frame(Subject& subject, const hv::RegisterFile& cpu, usize vector, CpuState& state) {
  std::array<u8, 8> from;
  if (!subject.read_virtual(cpu, state.sp + (has_error_code(vector) ? 8 : 0), from)) return;
  Recorded recorded{.fault = vector != 1 && vector != 3,
                    .cause = exceptions[vector],
                    .syndrome = vector,
                    .return_address = load_as<Le64>(from, 0),
                    .address = {},
                    .data = vector == 14,
                    .write = false};
  if (vector == 14) recorded.address = cpu.get("cr2");
  state.recorded = std::move(recorded);
}

// What an exception at this very instruction has left below the stack pointer, when its handler has
// returned to it (Intel SDM volume 3, 6.14.2; the frame begins at a multiple of 16). With
// interrupts off nothing but an exception does that, except for an NMI.
void read_old_frame(Subject& subject, const hv::RegisterFile& cpu, CpuState& state) {
  std::array<u8, 40> frame;  // RIP, CS, RFLAGS, RSP, SS
  if (state.user || !subject.read_virtual(cpu, (state.sp & ~u64{15}) - frame.size(), frame)) return;
  if (load_as<Le64>(frame, 0) != state.pc || load_as<Le64>(frame, 24) != state.sp ||
      load_as<Le64>(frame, 8) != cpu.get_or("cs", 0) ||
      load_as<Le64>(frame, 32) != cpu.get_or("ss", 0))
    return;
  state.recorded = Recorded{.fault = state.interrupts_masked,
                            .cause = "an exception whose frame is still below the stack pointer",
                            .syndrome = 0,
                            .return_address = state.pc,
                            .address = {},
                            .data = false,
                            .write = false};
}

// The gate whose handler begins closest before PC; in 64-bit mode only.
void find_gate(Subject& subject, const hv::RegisterFile& cpu, CpuState& state) {
  constexpr u64 slot_size = 16;
  const u64 limit = cpu.get_or("idt_limit", 0), base = cpu.get_or("idt_base", 0);
  if ((cpu.get_or("cs_attributes", 0) & 0x200) == 0 || state.user) return;
  std::array<u8, 16 * std::size(exceptions)> table;
  const usize size = static_cast<usize>(std::min<u64>(limit + 1, table.size())) & ~usize{15};
  if (!subject.read_virtual(cpu, base, std::span(table).first(size))) return;
  for (usize vector = 0; vector < size / 16; ++vector) {
    const Bytes gate = Bytes(table).subspan(16 * vector, 16);
    const u64 begin = u64{load_as<Le16>(gate, 0)} | u64{load_as<Le16>(gate, 6)} << 16 |
                      u64{load_as<Le32>(gate, 8)} << 32;
    if ((gate[5] & 0x80) == 0 || exceptions[vector] == nullptr || state.pc - begin >= slot_size ||
        (state.slot && state.slot->begin > begin))
      continue;
    state.slot = Slot{text("{}, IDT gate {}", exceptions[vector], vector), begin, slot_size, true};
    if (state.pc == begin) read_frame(subject, cpu, vector, state);
  }
}

void refine(Subject& subject, const hv::RegisterFile& cpu, CpuState& state) {
  find_gate(subject, cpu, state);
  const bool is_64 = (cpu.get_or("cs_attributes", 0) & 0x200) != 0;
  if (is_64 && !state.slot) read_old_frame(subject, cpu, state);
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

const Architecture diagnosed = {state_of, decode, words, 1, false, false, refine};

}  // namespace pv::inspect::x86_64
