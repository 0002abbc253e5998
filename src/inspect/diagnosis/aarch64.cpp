// aarch64 for the diagnosis: EL1 and EL0 with the EL1 registers (Arm ARM DDI 0487J, D1.3, D19.2).
#include "base/endian.h"
#include "base/text.h"
#include "inspect/aarch64/syndrome.h"
#include "inspect/diagnosis/architecture.h"
#include "inspect/poison.h"

namespace pv::inspect::aarch64 {
namespace {

constexpr u64 pstate_daif = 0x3c0;
constexpr u64 sctlr_m = 1, timer_enable = 1, timer_masked = 2;

std::string vbar_words(u64 vbar) {
  return vbar == 0 ? "VBAR_EL1 is 0: no vector table was set" : text("vector table at {:#x}", vbar);
}

void timer(const hv::RegisterFile& cpu, CpuState& state) {
  const auto control = cpu.get("cntv_ctl_el0");
  if (!control) return;
  const bool enabled = (*control & timer_enable) != 0, masked = (*control & timer_masked) != 0;
  state.timer_armed = enabled && !masked;
  const auto deadline = cpu.get("cntv_cval_el0"), now = cpu.get("cntvct_el0");
  if (!enabled)
    state.timer = "the virtual timer is off";
  else if (masked)
    state.timer = "the virtual timer's interrupt is masked (CNTV_CTL_EL0.IMASK)";
  else if (deadline && now)
    state.timer = static_cast<i64>(*deadline - *now) > 0
                      ? text("the virtual timer fires in {} ticks", *deadline - *now)
                      : text("the virtual timer has been due for {} ticks", *now - *deadline);
  else
    state.timer = "the virtual timer is armed";
}

CpuState state_of(const hv::RegisterFile& cpu) {
  CpuState state;
  state.pc = cpu.get_or("pc", 0);
  state.sp = cpu.get_or("sp", 0);
  state.frame = cpu.get_or("x29", 0);
  state.link = cpu.get_or("x30", 0);
  const u64 pstate = cpu.get_or("cpsr", 0x3c5);
  state.mode = describe_pstate(pstate);
  state.user = exception_level(pstate) == 0;
  state.interrupts_masked = irq_masked(pstate);
  state.all_masked = cpu.get("cpsr") && (pstate & pstate_daif) == pstate_daif;
  state.translation = (cpu.get_or("sctlr_el1", 0) & sctlr_m) != 0;
  // Without VBAR_EL1 (a dump of general registers) a PC inside a table still tells its slot,
  // because tables are aligned to their size; whoever uses that says so.
  if (const auto vbar = cpu.get("vbar_el1")) {
    state.vectors = *vbar & ~u64{vector_table_size - 1};
    state.fault_entry = state.vectors + (state.user ? 0x400 : (pstate & 1) != 0 ? 0x200 : 0);
    if (state.pc - state.vectors < vector_table_size) {
      const VectorSlot slot = vector_slot(state.pc - state.vectors);
      state.slot = Slot{text("{} (VBAR_EL1 + {:#x})", slot.name, slot.offset),
                        state.vectors + slot.offset, vector_slot_size, slot.synchronous};
    }
  }
  const auto esr = cpu.get("esr_el1"), elr = cpu.get("elr_el1"), far = cpu.get("far_el1");
  // Before the first exception they hold what reset left there.
  if (esr && elr && (*esr >> 37) == 0 && *elr != kvm_poison && (*esr != 0 || *elr != 0)) {
    Recorded recorded{.fault = is_fault(*esr),
                      .cause = describe_esr(*esr),
                      .syndrome = *esr,
                      .return_address = *elr,
                      .address = {},
                      .data = is_data_abort(*esr),
                      .write = is_write(*esr)};
    if (has_address(*esr)) recorded.address = far;
    state.recorded = std::move(recorded);
  }
  timer(cpu, state);
  const auto priority = cpu.get("icc_pmr_el1"), group = cpu.get("icc_igrpen1_el1");
  if (priority && group && (*priority == 0 || (*group & 1) == 0)) {
    state.sure = true;
    state.no_wake = *priority == 0
                        ? "the GIC's CPU interface lets no interrupt through (ICC_PMR_EL1 is 0)"
                        : "the GIC's CPU interface is off (ICC_IGRPEN1_EL1 is 0)";
  }
  return state;
}

Instruction decode(Bytes code, u64 address) {
  if (code.size() < 4) return {.op = Op::other, .size = 0, .target = 0};
  const u32 word = load_as<Le32>(code, 0);
  const auto offset = [&](unsigned low, unsigned bits) {
    const u64 field = (word >> low) & ((1u << bits) - 1);
    const u64 sign = u64{1} << (bits - 1);
    return address + (((field ^ sign) - sign) << 2);
  };
  if (word == 0xd503'207f || word == 0xd503'205f) return {Op::wait, 4, 0};
  if ((word & 0xffff'0000) == 0) return {Op::undefined, 4, 0};
  if ((word & 0xfc00'0000) == 0x1400'0000) return {Op::jump, 4, offset(0, 26)};
  if ((word & 0xff00'0000) == 0x5400'0000) return {Op::branch, 4, offset(5, 19)};
  if ((word & 0x7e00'0000) == 0x3400'0000) return {Op::branch, 4, offset(5, 19)};
  if ((word & 0x7e00'0000) == 0x3600'0000) return {Op::branch, 4, offset(5, 14)};
  return {};
}

std::vector<std::string> words(const hv::RegisterFile& cpu, const CpuState& state) {
  std::vector<std::string> lines = {text("PSTATE    {}", state.mode)};
  const auto line = [&](const char* name, std::string_view label, auto describe) {
    if (const auto value = cpu.get(name)) {
      std::string meaning = *value == kvm_poison ? "never written since reset" : describe(*value);
      lines.push_back(text("{:9} {:016x}  {}", label, *value, meaning));
    }
  };
  line("vbar_el1", "VBAR_EL1", vbar_words);
  line("esr_el1", "ESR_EL1", [](u64 esr) {
    return esr == 0 ? std::string("nothing recorded, or an undefined instruction")
                    : describe_esr(esr);
  });
  line("elr_el1", "ELR_EL1", [](u64) { return std::string("where the last exception came from"); });
  line("far_el1", "FAR_EL1", [&](u64) {
    return std::string(state.recorded && state.recorded->address
                           ? "the address that the last exception is about"
                           : "an older exception's address");
  });
  line("spsr_el1", "SPSR_EL1",
       [](u64 spsr) { return "before the last exception: " + describe_pstate(spsr); });
  line("sctlr_el1", "SCTLR_EL1", [](u64 sctlr) {
    return text("MMU {}, data cache {}", (sctlr & 1) != 0 ? "on" : "off",
                (sctlr & 4) != 0 ? "on" : "off");
  });
  line("tpidr_el1", "TPIDR_EL1", [](u64) { return std::string("Linux: the per-CPU offset"); });
  if (!state.timer.empty()) lines.push_back(text("timer     {}", state.timer));
  return lines;
}

}  // namespace

const Architecture diagnosed = {state_of, decode, words, 4, false, false};

}  // namespace pv::inspect::aarch64
