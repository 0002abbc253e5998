// Rules about a dump, which is one moment: what it proves alone, and what is said when it proves
// nothing. Proven is only what no interrupt can end: hence the masks, where the dump has them.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "inspect/diagnosis/rules.h"

namespace pv::inspect {
namespace {

Verdict verdict_of(Cause cause, std::string sentence) {
  return {.cause = cause, .sentence = std::move(sentence), .evidence = {}, .advice = {}};
}

// No program: two instructions' worth of zero bytes, or one where that is surely none.
bool nothing_there(const Scene& scene, u64 pc) {
  std::array<u8, 4> bytes;
  return scene.instruction(pc).op == Op::undefined && scene.read(pc, bytes) &&
         std::ranges::all_of(bytes, [](u8 byte) { return byte == 0; });
}

// On aarch64: there no system idles with everything masked. On riscv64 and PowerPC Linux waits with
// interrupts off, and of x86_64's HLT the rule about waits knows.
bool waits_deaf(const Scene& scene) {
  const CpuState& state = scene.state();
  return state.all_masked && scene.arch() == Arch::aarch64 &&
         scene.instruction(state.pc).op == Op::wait;
}

}  // namespace

MaybeVerdict stuck_for_sure(const Scene& scene) {
  const CpuState& state = scene.state();
  if (scene.facts().live) return std::nullopt;
  const Instruction one = scene.instruction(state.pc);
  MaybeVerdict found;
  if (one.op == Op::jump && one.target == state.pc && state.all_masked) {
    found =
        verdict_of(Cause::spinning, text("spinning on one instruction: {} jumps to itself, with "
                                         "interrupts masked: nothing can end that",
                                         scene.place(state.pc)));
    found->advice.emplace_back(
        "a program ends so on purpose, too: look at who called it, and what it said before");
  } else if (!state.user && nothing_there(scene, state.pc)) {
    found = verdict_of(Cause::nothing_at_pc,
                       text("PC at nothing: what stands at {} is zero, and no instruction",
                            scene.place(state.pc)));
    if (state.link != 0)
      found->evidence.push_back(text("the return address is {}", scene.place(state.link)));
    found->advice.emplace_back(
        "the first wrong step is older than this: look at the return address, and at what set the "
        "vector base");
  } else if (waits_deaf(scene)) {
    found = verdict_of(Cause::waits_for_ever,
                       text("waits at {} with all interrupts masked: no handler can ever run",
                            scene.place(state.pc)));
    found->advice.emplace_back(
        "if the guest has not simply ended here: unmask interrupts before waiting");
  }
  if (!found) return std::nullopt;
  found->evidence.push_back(state.mode);
  add_exception_evidence(scene, *found);
  add_poison_evidence(scene, *found);
  return found;
}

Verdict one_moment(const Scene& scene) {
  const u64 pc = scene.state().pc;
  Verdict verdict =
      verdict_of(Cause::unknown, "one moment alone shows nothing that is surely wrong");
  verdict.evidence.push_back(text("PC is {}", scene.place(pc)));
  add_exception_evidence(scene, verdict);
  add_poison_evidence(scene, verdict);
  if (!scene.readable(pc))
    verdict.advice.push_back("the dump has no code at the PC: " + how_to_add_code(scene));
  return verdict;
}

// The address itself: QEMU's monitor knows no $pc on most architectures.
std::string how_to_add_code(const Scene& scene) {
  return text("add what QEMU's monitor prints for \"x/8wx {:#x}\"", scene.state().pc);
}

}  // namespace pv::inspect
