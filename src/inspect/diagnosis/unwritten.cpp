// The rule about registers that were never written, on aarch64: KVM's poison in registers, and the
// system register that it comes from, named by what the code around does.
#include <algorithm>

#include "base/text.h"
#include "inspect/aarch64/syndrome.h"
#include "inspect/diagnosis/rules.h"
#include "inspect/poison.h"

namespace pv::inspect {
namespace {

using aarch64::Ventry;

// A register that the code before `address` reads with MRS into one that now holds the poison.
const char* read_before(const Scene& scene, u64 address) {
  constexpr u64 furthest = 32;  // instructions
  for (u64 back = 1; back <= furthest; ++back) {
    const auto word = scene.word(address - 4 * back);
    if (!word || !aarch64::is_mrs(*word)) continue;
    const char* name = aarch64::system_register(*word);
    if (name == nullptr) continue;
    std::string lower(name);
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (scene.file().get(lower) == kvm_poison) return name;
  }
  return nullptr;
}

std::string list(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& one : names) all += text("{}{}", all.empty() ? "" : ", ", upper(one));
  return all;
}

// Linux's stacks are aligned to their size of 16 KiB (or more): how much is left, if it is little.
std::optional<u64> left_on_stack(u64 frame) {
  constexpr u64 stack = 16_KiB, little = 1_KiB;
  const u64 left = frame & (stack - 1);
  return frame >> 48 == 0xffff && left < little ? std::optional(left) : std::nullopt;
}

// A dump with so little code at the PC that the code cannot show what it belongs to.
bool hardly_any_code(const Scene& scene) {
  constexpr u64 telling = 3;  // instructions
  for (u64 i = 0; i < telling; ++i)
    if (!scene.word(scene.state().pc + 4 * i)) return true;
  return false;
}

void explain_poison(const std::vector<PoisonTrace>& traces, Verdict& verdict) {
  std::string exact;
  usize holders = 0;
  for (const PoisonTrace& trace : traces) {
    if (trace.form != PoisonTrace::Form::exact) continue;
    exact += text("{}{}", exact.empty() ? "" : " and ", upper(trace.name));
    ++holders;
  }
  verdict.evidence.push_back(text(
      "{} {:#x}, with which KVM fills registers whose content is unknown after reset (QEMU's own "
      "emulation has 0 there: so it works without KVM)",
      exact.empty() ? "traces of" : exact + (holders == 1 ? " holds" : " hold"), kvm_poison));
  for (const PoisonTrace& trace : traces) {
    if (trace.form == PoisonTrace::Form::exact) continue;
    std::string line = describe(trace);
    if (trace.form == PoisonTrace::Form::plus_register ||
        trace.form == PoisonTrace::Form::plus_address)
      line += ": a variable's address + a per-CPU offset that nobody has set";
    verdict.evidence.push_back(std::move(line));
  }
}

// The path of Linux's kernel_ventry, and what it says about the moments before. `linux`: it is one,
// and not another program's entry that does the same.
void explain_ventry(const Scene& scene, const Ventry& entry, bool linux, Verdict& verdict) {
  const hv::RegisterFile& cpu = scene.file();
  const CpuState& state = scene.state();
  auto& evidence = verdict.evidence;
  const u64 offset = state.pc & (aarch64::vector_table_size - 1);
  const aarch64::VectorSlot slot = aarch64::vector_slot(offset);
  if (!cpu.get("vbar_el1"))
    evidence.push_back(
        text("synchronous exception taken at EL1: PC is {:#x} into the slot \"{}\" "
             "({:#x}) of a vector table at {:#x} (they are aligned to 2 KiB; the "
             "dump has no VBAR_EL1)",
             offset - slot.offset, slot.name, slot.offset, state.pc - offset));
  else
    add_exception_evidence(scene, verdict);
  evidence.push_back(text("PSTATE: {}, as at the entry of an exception", state.mode));
  if (entry.part == Ventry::Part::entry) {
    evidence.push_back(
        text("the code is the begin of {}: it exchanges SP and X0 to test SP for an overflow",
             linux ? "Linux's kernel_ventry" : "an exception's entry"));
    return;
  }
  evidence.push_back(
      text("the code is the overflow path of {}: SP had failed the test of its "
           "{} bit (tbnz), and at {:#x} (add sp, sp, x0) the per-CPU offset is added to the "
           "overflow stack's address, X0 being TPIDR_EL1{}",
           linux ? "Linux's kernel_ventry" : "the exception's entry",
           linux ? "THREAD_SHIFT" : "size", entry.add_offset != 0 ? entry.add_offset : state.pc,
           entry.offset_read_seen ? " (mrs x0, tpidr_el1 stands before it)" : ""));
  if (entry.part == Ventry::Part::overflow && cpu.get("x0") == kvm_poison)
    evidence.push_back(
        text("SP = {:#x} + X0 is {:#x}, which no kernel maps: the overflow path "
             "faults again as soon as it uses its stack, for ever",
             state.sp, state.sp + kvm_poison));
  const auto left = left_on_stack(state.frame);
  if (linux && left)
    evidence.push_back(
        text("X29 = {:#x} is {:#x} bytes above a 16 KiB boundary: exceptions inside "
             "exceptions have used up the kernel's stack",
             state.frame, *left));
  const u64 spsr = cpu.get_or("x23", 0), elr = cpu.get_or("x22", 0);
  if (spsr >> 32 == 0 && (spsr & 0x1f) == 5 && elr >> 48 == 0xffff)
    evidence.push_back(
        text("X21 to X23 are as kernel_entry leaves them: an earlier exception came "
             "from {} with SP {:#x} and {}",
             scene.place(elr), cpu.get_or("x21", 0), aarch64::describe_pstate(spsr)));
}

void advise(bool linux, Verdict& verdict) {
  if (linux)
    verdict.advice.emplace_back(
        "look for something that start_kernel() does before smp_setup_processor_id(), which sets "
        "the per-CPU offset: an added printk(), a lock with lockdep, a trace or a probe; move it "
        "behind that call");
  else
    verdict.advice.emplace_back("write the register before it is read");
  verdict.advice.emplace_back(
      "proof: polyvisor diagnose --differential starts a copy with 0 in such registers, as run "
      "--reset-policy zero does");
}

}  // namespace

void add_poison_evidence(const Scene& scene, Verdict& verdict) {
  const auto traces = find_poison(scene.file());
  if (!traces.empty()) explain_poison(traces, verdict);
}

MaybeVerdict unwritten_register(const Scene& scene) {
  if (scene.arch() != Arch::aarch64) return std::nullopt;
  const hv::RegisterFile& cpu = scene.file();
  const CpuState& state = scene.state();
  auto traces = find_poison(cpu);
  const Recorded* fault = same_fault(scene);
  const bool address_poisoned = fault != nullptr && fault->address && is_poisoned(*fault->address);
  if (traces.empty() && !address_poisoned) return std::nullopt;
  const auto entry =
      aarch64::find_ventry(state.pc, [&](u64 address) { return scene.word(address); });
  const bool lost = is_poisoned(state.pc) || is_poisoned(state.sp);
  const bool per_cpu = std::ranges::any_of(traces, [](const PoisonTrace& trace) {
    return trace.form == PoisonTrace::Form::plus_register ||
           trace.form == PoisonTrace::Form::plus_address;
  });
  // A value may be carried about harmlessly: only a CPU in trouble makes it a cause. A dump without
  // code cannot show the trouble, but was made for a reason, and the sum was computed by somebody.
  const bool bare = !scene.facts().live && hardly_any_code(scene);
  const bool pasted = !scene.facts().live && (entry || (per_cpu && bare));
  if (!stuck_in_exceptions(scene) && !lost && !address_poisoned && !pasted) return std::nullopt;

  Verdict verdict{.cause = Cause::unwritten_register, .sentence = {}, .evidence = {}, .advice = {}};
  const char* source = read_before(scene, state.pc);
  if (source == nullptr && fault != nullptr) source = read_before(scene, fault->return_address);
  const auto unwritten = never_written(cpu);
  const bool tpidr = cpu.get("tpidr_el1") == kvm_poison || (!cpu.get("tpidr_el1") && entry);
  if (source == nullptr && tpidr && (entry || per_cpu)) source = "TPIDR_EL1";
  const bool linux = entry && state.pc >> 48 == 0xffff;  // a kernel's address
  const std::string_view what =
      source != nullptr && std::string_view(source) == "TPIDR_EL1"
          ? (linux ? ": a per-CPU access before it is set up, that is before "
                     "smp_setup_processor_id()"
                   : ": a per-CPU access before it is set up")
          : "";
  verdict.sentence = source != nullptr
                         ? text("{} was never written{}", source, what)
                         : text("a register that was never written has been used{}",
                                unwritten.empty() ? "" : " (one of " + list(unwritten) + ")");
  explain_poison(traces, verdict);
  if (bare)
    verdict.evidence.push_back("the dump has hardly any code at the PC, which would say more: " +
                               how_to_add_code(scene));
  if (entry)
    explain_ventry(scene, *entry, linux, verdict);
  else
    add_exception_evidence(scene, verdict);
  if (address_poisoned)
    verdict.evidence.push_back(text("the address {:#x} is such a sum", *fault->address));
  if (!unwritten.empty())
    verdict.evidence.push_back("never written since reset: " + list(unwritten));
  advise(linux, verdict);
  return verdict;
}

}  // namespace pv::inspect
