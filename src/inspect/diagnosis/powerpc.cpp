// PowerPC Book3E for the diagnosis (Power ISA 2.06, Book III-E, 7: interrupts).
#include <array>

#include "base/endian.h"
#include "base/text.h"
#include "inspect/diagnosis/architecture.h"

namespace pv::inspect::powerpc {
namespace {

constexpr u64 msr_we = 1 << 18, msr_ce = 1 << 17, msr_ee = 1 << 15, msr_pr = 1 << 14,
              msr_is = 1 << 5, msr_ds = 1 << 4;
constexpr u64 tcr_die = 1 << 26, tcr_wie = 1 << 27, tcr_fie = 1 << 23;
constexpr u64 longest_slot = 256;

struct Vector {
  const char* ivor;
  const char* name;
  bool synchronous;
};
constexpr Vector vectors[] = {
    {"ivor0", "critical input", false},
    {"ivor1", "machine check", true},
    {"ivor2", "data storage", true},
    {"ivor3", "instruction storage", true},
    {"ivor4", "external input", false},
    {"ivor5", "alignment", true},
    {"ivor6", "program", true},
    {"ivor7", "floating point unavailable", true},
    {"ivor8", "system call", false},
    {"ivor10", "decrementer", false},
    {"ivor11", "fixed-interval timer", false},
    {"ivor12", "watchdog", false},
    {"ivor13", "data TLB error", true},
    {"ivor14", "instruction TLB error", true},
    {"ivor15", "debug", false},
    {"ivor32", "SPE unavailable", true},
};

std::string describe_esr(u64 esr) {
  constexpr struct {
    u64 bit;
    const char* words;
  } causes[] = {
      {1u << 27, "illegal instruction"},
      {1u << 26, "privileged instruction"},
      {1u << 25, "trap"},
      {1u << 24, "floating point"},
      {1u << 23, "a store"},
      {1u << 21, "data cache locking"},
      {1u << 20, "instruction cache locking"},
      {1u << 19, "auxiliary processor"},
      {1u << 18, "unimplemented operation"},
      {1u << 17, "byte ordering"},
      {1u << 7, "SPE"},
      {1u << 5, "variable length encoding"},
  };
  std::string words;
  for (const auto& cause : causes)
    if ((esr & cause.bit) != 0) words += text("{}{}", words.empty() ? "" : ", ", cause.words);
  return words.empty() ? "no bit set" : words;
}

// Where KVM sends the CPU: it joins IVPR and the IVOR as they stand, whereas a processor takes 12
// bits of the IVOR only (Power ISA 2.06 Book III-E, 7.2.18.1).
u64 place(const hv::RegisterFile& cpu, const Vector& vector) {
  return cpu.get_or("ivpr", 0) | cpu.get_or(vector.ivor, 0);
}

// Vectors lie where the guest wants them: each is as long as the two that are closest are apart.
u64 slot_size(const hv::RegisterFile& cpu) {
  u64 size = longest_slot;
  for (const Vector& one : vectors)
    for (const Vector& other : vectors)
      if (cpu.get(one.ivor) && cpu.get(other.ivor) && place(cpu, one) < place(cpu, other))
        size = std::min(size, place(cpu, other) - place(cpu, one));
  return size;
}

void slot(const hv::RegisterFile& cpu, CpuState& state) {
  if (!cpu.get("ivpr")) return;
  state.vectors = cpu.get_or("ivpr", 0);
  state.fault_entry = place(cpu, vectors[2]);
  const u64 size = slot_size(cpu);
  u64 best = size;
  for (const Vector& vector : vectors) {
    if (!cpu.get(vector.ivor)) continue;
    const u64 begin = place(cpu, vector);
    if (state.pc - begin >= best) continue;
    best = state.pc - begin;
    state.slot = Slot{text("{} interrupt ({:#x}: IVPR | {})", vector.name, begin, vector.ivor),
                      begin, size, vector.synchronous};
  }
}

// Which interrupt was taken last is told by the slot alone: Book E has no cause register. ESR and
// DEAR are from the last storage or program interrupt.
void recorded(const hv::RegisterFile& cpu, CpuState& state) {
  const auto from = cpu.get("srr0"), esr = cpu.get("esr"), dear = cpu.get("dear");
  if (!from || (*from == 0 && cpu.get_or("srr1", 0) == 0)) return;
  Recorded last{.fault = state.slot && state.slot->synchronous,
                .cause = {},
                .syndrome = esr.value_or(0),
                .return_address = *from,
                .address = {},
                .data = false,
                .write = (esr.value_or(0) & (1u << 23)) != 0};
  last.cause = state.slot ? state.slot->name : "an interrupt";
  const bool data = last.cause.starts_with("data") || last.cause.starts_with("alignment");
  if (data) last.address = dear;
  last.data = data;
  if (last.fault) last.cause += text(", ESR: {}", describe_esr(esr.value_or(0)));
  state.recorded = std::move(last);
}

// KVM ends a sleep for any interrupt that is pending, whether or not MSR[EE] lets it through.
void wake(const hv::RegisterFile& cpu, CpuState& state) {
  constexpr u64 lowest = 15;  // priority: nothing is above it
  const auto tcr = cpu.get("tcr"), priority = cpu.get("ctpr");
  if (!tcr) return;
  const u64 timers = *tcr & (tcr_die | tcr_wie | tcr_fie);
  state.timer_armed = timers != 0;
  state.timer = timers != 0 ? text("timer interrupts are on (TCR {:#x}), DEC {:#x}", *tcr,
                                   cpu.get_or("dec", 0))
                            : "no timer interrupt is on (TCR)";
  if (timers == 0 && priority == lowest) {
    state.no_wake =
        "no timer interrupt is on (TCR), and the MPIC lets none of a device through "
        "(CTPR is 15)";
    state.sure = true;
  }
}

// The sleep of a guest that knows KVM: ePAPR's call EV_IDLE, during which PC stands behind the `sc`
// (Power ePAPR hypercalls; r0 is KVM's own mark where the host has no hypervisor mode).
bool in_idle_call(Subject& subject, const hv::RegisterFile& cpu, u64 pc) {
  constexpr u32 sc = 0x4400'0002, sc_1 = 0x4400'0022;
  constexpr u64 kvm_mark = 0x4b56'4d21, ev_idle = 1 << 16 | 16;
  std::array<u8, 4> bytes;
  if (cpu.get("r11") != ev_idle || !subject.read_virtual(cpu, pc - 4, bytes)) return false;
  const u32 word = load_as<Be32>(bytes, 0);
  return word == sc_1 || (word == sc && cpu.get("r0") == kvm_mark);
}

// Whether the CPU is in the monitor's spin table (machine/powerpc/spin_table.h), where it waits for
// its entry: KVM's vector base of a CPU that has not set its own, and the loop's test of the entry
// (lwz r4, 4(r31); andi. r5, r4, 1) close to PC.
bool in_spin_table(Subject& subject, const hv::RegisterFile& cpu, u64 pc) {
  constexpr u64 never_set = 0x5555'0000, around = 64;
  constexpr u32 load = 0x809f'0004, test = 0x7085'0001;
  std::array<u8, 2 * around> code;
  if (cpu.get("ivpr") != never_set || !subject.read_virtual(cpu, pc - around, code)) return false;
  for (usize at = 0; at + 8 <= code.size(); at += 4)
    if (load_as<Be32>(code, at) == load && load_as<Be32>(code, at + 4) == test) return true;
  return false;
}

void refine(Subject& subject, const hv::RegisterFile& cpu, CpuState& state) {
  state.waits = state.waits || in_idle_call(subject, cpu, state.pc);
  state.unstarted = in_spin_table(subject, cpu, state.pc);
}

CpuState state_of(const hv::RegisterFile& cpu) {
  CpuState state;
  const u64 msr = cpu.get_or("msr", 0);
  state.pc = cpu.get_or("pc", 0);
  state.sp = cpu.get_or("r1", 0);
  state.frame = state.sp;
  state.link = cpu.get_or("lr", 0);
  state.user = (msr & msr_pr) != 0;
  state.interrupts_masked = (msr & msr_ee) == 0;
  state.all_masked = cpu.get("msr") && (msr & (msr_ee | msr_ce)) == 0;
  state.mode = text("{} state, interrupts {}{}{}", state.user ? "problem" : "supervisor",
                    state.interrupts_masked ? "off" : "on",
                    (msr & (msr_is | msr_ds)) != 0 ? ", address space 1" : "",
                    (msr & msr_we) != 0 ? ", waiting (WE)" : "");
  state.translation = true;  // Book E's is never off
  slot(cpu, state);
  recorded(cpu, state);
  wake(cpu, state);
  state.waits = (msr & msr_we) != 0;
  return state;
}

Instruction decode(Bytes code, u64 address) {
  if (code.size() < 4) return {.op = Op::other, .size = 0, .target = 0};
  const u32 word = load_as<Be32>(code, 0);
  if (word == 0) return {Op::undefined, 4, 0};
  if ((word & 0xff9f'ffff) == 0x7c00'007c) return {Op::wait, 4, 0};
  const bool absolute = (word & 2) != 0;
  if ((word & 0xfc00'0001) == 0x4800'0000) {
    const u64 offset = ((u64{word & 0x03ff'fffc} ^ 0x0200'0000) - 0x0200'0000);
    return {Op::jump, 4, absolute ? offset : address + offset};
  }
  if ((word & 0xfc00'0001) == 0x4000'0000) {
    const u64 offset = ((u64{word & 0xfffc} ^ 0x8000) - 0x8000);
    return {Op::branch, 4, absolute ? offset : address + offset};
  }
  return {};
}

std::vector<std::string> words(const hv::RegisterFile& cpu, const CpuState& state) {
  std::vector<std::string> lines = {text("MSR       {}", state.mode)};
  const auto line = [&](const char* name, std::string_view label, auto describe) {
    if (const auto value = cpu.get(name))
      lines.push_back(text("{:9} {:08x}  {}", label, *value, describe(*value)));
  };
  line("ivpr", "IVPR", [&](u64 value) {
    std::string offsets;
    u64 bits = 0;
    for (const Vector& vector : vectors)
      if (const auto ivor = cpu.get(vector.ivor); ivor && *ivor != 0) {
        offsets += text(" {}={:x}", vector.ivor, *ivor);
        bits |= *ivor;
      }
    if (bits > 0xffff)
      offsets +=
          " (bits above 0xffff: KVM does not cut them off as a processor does; set IVORs with "
          "lis/ori, not with li, which extends the sign)";
    if (!offsets.empty()) return "vectors:" + offsets;
    return std::string(value == 0 ? "0, and all IVORs are 0: no vectors were set"
                                  : "all IVORs are 0: every interrupt goes to one place");
  });
  line("srr0", "SRR0", [](u64) { return std::string("where the last interrupt came from"); });
  line("srr1", "SRR1", [](u64 value) {
    return text("MSR before it: {} state, EE {}", (value & msr_pr) != 0 ? "problem" : "supervisor",
                (value & msr_ee) != 0 ? "on" : "off");
  });
  line("dear", "DEAR", [](u64) { return std::string("address of the last data exception"); });
  line("esr", "ESR", describe_esr);
  usize valid = 0;
  for (const hv::TlbEntry& entry : cpu.tlb)
    if ((entry.mas1 >> 31) != 0) ++valid;
  if (!cpu.tlb.empty())
    lines.push_back(text("TLB       {} of {} entries valid", valid, cpu.tlb.size()));
  if (!state.timer.empty()) lines.push_back(text("timer     {}", state.timer));
  return lines;
}

}  // namespace

const Architecture diagnosed = {state_of, decode, words, 4, false, true, refine};

}  // namespace pv::inspect::powerpc
