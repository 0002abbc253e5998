// riscv64 for the diagnosis: VS-mode under KVM, whose supervisor CSRs these are (RISC-V privileged
// ISA 1.13, chapter 12).
#include "base/endian.h"
#include "base/text.h"
#include "inspect/diagnosis/architecture.h"

namespace pv::inspect::riscv64 {
namespace {

constexpr u64 interrupt = u64{1} << 63, sie_bit = 2, mie_bit = 8;
constexpr u64 software = 1 << 1, timer = 1 << 5, external = 1 << 9;
constexpr u64 direct_vector = 128;  // bytes of a trap entry in direct mode that count as the slot

constexpr const char* causes[] = {"misaligned instruction address",
                                  "instruction access fault",
                                  "illegal instruction",
                                  "breakpoint",
                                  "misaligned load",
                                  "load access fault",
                                  "misaligned store",
                                  "store access fault",
                                  "system call from U-mode",
                                  "call from S-mode",
                                  nullptr,
                                  "call from M-mode",
                                  "instruction page fault",
                                  "load page fault",
                                  nullptr,
                                  "store page fault"};

std::string describe_cause(u64 cause) {
  if ((cause & interrupt) != 0) {
    switch (cause & ~interrupt) {
      case 1: return "software interrupt";
      case 5: return "timer interrupt";
      case 9: return "external interrupt";
    }
    return text("interrupt {}", cause & ~interrupt);
  }
  if (cause < std::size(causes) && causes[cause] != nullptr) return causes[cause];
  return text("exception {}", cause);
}

bool is_fault(u64 cause) {
  return (cause & interrupt) == 0 && cause != 3 && (cause < 8 || cause > 11);
}

// KVM's `timer_state` is about timers set by SBI call alone. One set through the Sstc extension's
// vstimecmp shows in `timecmp` only, where all ones means never.
enum class Timer : u8 { unknown, none, pending, due };

Timer timer_of(const hv::RegisterFile& cpu) {
  constexpr u64 never = ~u64{0};
  const auto by_call = cpu.get("timer_state"), now = cpu.get("time"), at = cpu.get("timecmp");
  if (!by_call && !at) return Timer::unknown;
  if (!now || !at) return by_call.value_or(0) != 0 ? Timer::pending : Timer::unknown;
  const bool ahead = *at > *now;
  if (by_call.value_or(0) != 0) return ahead ? Timer::pending : Timer::due;
  if (*at == never) return Timer::none;
  if (ahead) return Timer::pending;
  // The deadline has passed. By SBI call: it fired, and no other was set. Through Sstc: it goes on
  // raising its interrupt. Which of the two, KVM does not say.
  return Timer::unknown;
}

void wake(const hv::RegisterFile& cpu, CpuState& state) {
  const Timer kind = timer_of(cpu);
  const u64 ticks = cpu.get_or("timecmp", 0) - cpu.get_or("time", 0);
  state.timer_armed = kind == Timer::pending || kind == Timer::due;
  switch (kind) {
    case Timer::none: state.timer = "no timer is set"; break;
    case Timer::pending:
      state.timer = cpu.get("timecmp") ? text("the timer fires in {} ticks", ticks)
                                       : std::string("the timer is set");
      break;
    case Timer::due: state.timer = text("the timer has been due for {} ticks", -ticks); break;
    case Timer::unknown:
      if (cpu.get("timecmp")) state.timer = text("the last timer was due {} ticks ago", -ticks);
      break;
  }
  const auto enabled = cpu.get("sie");
  if (!enabled) return;
  if ((*enabled & (software | timer | external)) == 0) {
    state.no_wake = "no interrupt is enabled (sie is 0)";
    state.sure = true;
  } else if ((*enabled & (software | external)) == 0 && kind == Timer::none) {
    state.no_wake = "only the timer's interrupt is enabled (sie), and no timer is set";
    state.sure = true;
  }
}

CpuState state_of(const hv::RegisterFile& cpu) {
  CpuState state;
  state.pc = cpu.get_or("pc", 0);
  state.sp = cpu.get_or("sp", 0);
  state.frame = cpu.get_or("fp", 0);
  state.link = cpu.get_or("ra", 0);
  state.user = cpu.get_or("priv", 1) == 0;
  const u64 status = cpu.get_or("sstatus", 0);
  state.interrupts_masked = !state.user && (status & sie_bit) == 0;
  // A dump of QEMU's own emulation may be of M-mode, whose bit is in mstatus.
  state.all_masked = cpu.get("sstatus") && !state.user && (status & (sie_bit | mie_bit)) == 0;
  state.mode = text("{}-mode, interrupts {}", state.user ? "U" : "S",
                    state.interrupts_masked ? "off" : "on");
  state.translation = cpu.get_or("satp", 0) >> 60 != 0;
  if (const auto stvec = cpu.get("stvec")) {
    state.vectors = *stvec & ~u64{3};
    state.fault_entry = state.vectors;
    if (state.pc - state.vectors < direct_vector)
      state.slot = Slot{text("trap entry (stvec + {:#x})", state.pc - state.vectors), state.vectors,
                        direct_vector, true};
  }
  const auto cause = cpu.get("scause"), from = cpu.get("sepc"), value = cpu.get("stval");
  if (cause && from && (*cause != 0 || *from != 0)) {
    Recorded recorded{.fault = is_fault(*cause),
                      .cause = describe_cause(*cause),
                      .syndrome = *cause,
                      .return_address = *from,
                      .address = {},
                      .data = false,
                      .write = *cause == 7 || *cause == 15 || *cause == 6};
    recorded.data = recorded.fault && *cause != 2 && *cause != 12 && *cause > 3;
    if (recorded.fault && *cause != 2) recorded.address = value;
    state.recorded = std::move(recorded);
  }
  wake(cpu, state);
  return state;
}

u64 bits(u32 word, unsigned from, unsigned count, unsigned to) {
  return u64{(word >> from) & ((1u << count) - 1)} << to;
}
u64 extend(u64 value, unsigned width) {
  const u64 sign = u64{1} << (width - 1);
  return (value ^ sign) - sign;
}

Instruction compressed(u32 half, u64 address) {
  if (half == 0) return {Op::undefined, 2, 0};
  if ((half & 0xe003) == 0xa001) {  // c.j
    const u64 offset = bits(half, 12, 1, 11) | bits(half, 11, 1, 4) | bits(half, 9, 2, 8) |
                       bits(half, 8, 1, 10) | bits(half, 7, 1, 6) | bits(half, 6, 1, 7) |
                       bits(half, 3, 3, 1) | bits(half, 2, 1, 5);
    return {Op::jump, 2, address + extend(offset, 12)};
  }
  if ((half & 0xc003) == 0xc001) {  // c.beqz, c.bnez
    const u64 offset = bits(half, 12, 1, 8) | bits(half, 10, 2, 3) | bits(half, 5, 2, 6) |
                       bits(half, 3, 2, 1) | bits(half, 2, 1, 5);
    return {Op::branch, 2, address + extend(offset, 9)};
  }
  return {Op::other, 2, 0};
}

Instruction decode(Bytes code, u64 address) {
  if (code.size() < 2) return {.op = Op::other, .size = 0, .target = 0};
  const u32 half = load_as<Le16>(code, 0);
  if ((half & 3) != 3) return compressed(half, address);
  if (code.size() < 4) return {.op = Op::other, .size = 0, .target = 0};
  const u32 word = load_as<Le32>(code, 0);
  if (word == 0x1050'0073) return {Op::wait, 4, 0};
  if (word == 0xffff'ffff) return {Op::undefined, 4, 0};
  if ((word & 0xfff) == 0x06f) {  // jal x0
    const u64 offset = bits(word, 31, 1, 20) | bits(word, 21, 10, 1) | bits(word, 20, 1, 11) |
                       bits(word, 12, 8, 12);
    return {Op::jump, 4, address + extend(offset, 21)};
  }
  if ((word & 0x7f) == 0x63) {
    const u64 offset =
        bits(word, 31, 1, 12) | bits(word, 25, 6, 5) | bits(word, 8, 4, 1) | bits(word, 7, 1, 11);
    return {Op::branch, 4, address + extend(offset, 13)};
  }
  return {};
}

std::string interrupts(u64 set) {
  std::string words;
  if ((set & software) != 0) words += " software";
  if ((set & timer) != 0) words += " timer";
  if ((set & external) != 0) words += " external";
  return words.empty() ? " none" : words;
}

std::vector<std::string> words(const hv::RegisterFile& cpu, const CpuState& state) {
  std::vector<std::string> lines = {
      text("mode      {}; the hart {}", state.mode, hv::name(cpu.activity))};
  const auto line = [&](const char* name, auto describe) {
    if (const auto value = cpu.get(name))
      lines.push_back(text("{:9} {:016x}  {}", name, *value, describe(*value)));
  };
  line("stvec", [](u64 value) {
    return value == 0 ? std::string("0: no trap entry was set")
                      : text("trap entry at {:#x}, {}", value & ~u64{3},
                             (value & 3) == 0 ? "direct" : "vectored");
  });
  line("scause", [&](u64 cause) {
    return cause == 0 && !state.recorded ? std::string("no trap yet") : describe_cause(cause);
  });
  line("sepc", [](u64) { return std::string("where the last trap came from"); });
  line("stval", [](u64) { return std::string("the address or instruction it is about"); });
  line("satp", [](u64 value) {
    const u64 mode = value >> 60;
    const char* scheme = mode == 0    ? "off"
                         : mode == 8  ? "Sv39"
                         : mode == 9  ? "Sv48"
                         : mode == 10 ? "Sv57"
                                      : "unknown";
    return text("translation {}", scheme);
  });
  line("sie", [](u64 value) { return "enabled interrupts:" + interrupts(value); });
  line("sip", [](u64 value) { return "pending interrupts:" + interrupts(value); });
  if (!state.timer.empty()) lines.push_back(text("timer     {}", state.timer));
  return lines;
}

}  // namespace

const Architecture diagnosed = {state_of, decode, words, 2, true, false};

}  // namespace pv::inspect::riscv64
