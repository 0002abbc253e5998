// Rules about exceptions: loops in the vectors, a PC where there is nothing, a stack that is gone.
#include <algorithm>

#include "base/text.h"
#include "inspect/diagnosis/rules.h"
#include "inspect/diagnosis/samples.h"
#include "inspect/poison.h"

namespace pv::inspect {
namespace {

bool in_fault_slot(const CpuState& state) {
  return state.slot && state.slot->synchronous && !state.user;
}

// A sample in which a fault is being taken: in its entry, at what is no instruction, or at the
// instruction that the recorded fault came from.
bool in_trouble(const Scene& scene, const CpuState& state) {
  if (state.user) return false;
  return in_fault_slot(state) || scene.instruction(state.pc).op == Op::undefined ||
         (state.recorded && state.recorded->fault && state.recorded->return_address == state.pc);
}

// How often a fault slot has to be seen before it counts, of `count` samples.
usize enough(usize count) { return std::max<usize>(2, count / 10); }

bool one_slot(const Scene& scene) {
  const auto& first = scene.states().front().slot;
  return first && first->synchronous && scene.samples_with([&](const CpuState& state) {
    return state.slot && state.slot->begin == first->begin;
  }) == scene.count();
}

// The same kind of fault at the same instruction, though about changing addresses (a stack pointer
// that wanders).
bool same_place(const Scene& scene) {
  const auto& last = scene.state().recorded;
  if (!last || !last->fault) return false;
  const usize same = scene.samples_with([&](const CpuState& state) {
    return state.recorded && state.recorded->fault && state.recorded->syndrome == last->syndrome &&
           state.recorded->return_address == last->return_address;
  });
  return same + 1 >= scene.count();
}

// Without a recorded exception: the slots and the other places that the samples have met.
std::string exception_loop_sentence(const Scene& scene) {
  std::string slots, places, undefined;
  std::vector<u64> seen;
  for (const CpuState& state : scene.states()) {
    const u64 key = in_fault_slot(state) ? state.slot->begin : state.pc;
    if (std::ranges::find(seen, key) != seen.end()) continue;
    seen.push_back(key);
    if (in_fault_slot(state))
      slots += text("{}{}", slots.empty() ? "" : ", ", state.slot->name);
    else
      places += text("{}{}", places.empty() ? "" : ", ", scene.place(state.pc));
    if (scene.instruction(state.pc).op == Op::undefined) undefined = scene.place(state.pc);
  }
  if (slots.empty() && !undefined.empty())
    return text(
        "exception loop: what stands at {} is no instruction, and the handler returns to it",
        undefined);
  if (slots.empty())
    return text(
        "exception loop: a fault that its handler does not mend, taken again and again at {}",
        places);
  if (places.empty())
    return text("exception loop: the CPU does not leave its exception entry: {}", slots);
  return text("exception loop: {}, taken again and again at {}", slots, places);
}

}  // namespace

const Recorded* same_fault(const Scene& scene) {
  const auto& last = scene.state().recorded;
  if (!last || !last->fault) return nullptr;
  const usize same = scene.samples_with([&](const CpuState& state) {
    return state.recorded && state.recorded->fault && state.recorded->syndrome == last->syndrome &&
           state.recorded->return_address == last->return_address &&
           state.recorded->address == last->address;
  });
  // The first sample may be from before.
  return same + 1 >= scene.count() ? &*last : nullptr;
}

bool stuck_in_exceptions(const Scene& scene) {
  const usize in_slots = scene.samples_with(in_fault_slot);
  if (scene.count() == 1) return in_slots == 1;
  if (in_slots == scene.count()) return true;
  // The samples go round in a circle with a fault in it. How often each place of it is met says
  // nothing: where a host stops a guest has more to do with the host.
  if (goes_in_circle(scene) &&
      scene.samples_with([&](const CpuState& state) { return in_trouble(scene, state); }) != 0)
    return true;
  if (in_slots < enough(scene.count())) return false;
  return same_fault(scene) != nullptr ||
         (same_place(scene) && window(scene).distinct.size() <= few_places);
}

bool stack_is_gone(const Scene& scene) {
  constexpr u64 near = 8_KiB;  // a frame, or what a handler pushes
  const usize gone = scene.samples_with([&](const CpuState& state) {
    if (!state.recorded || !state.recorded->data || !state.recorded->address) return false;
    const u64 distance = *state.recorded->address - state.sp;
    return (distance < near || distance > ~near) && !scene.readable(*state.recorded->address);
  });
  return 2 * gone > scene.count();
}

void add_exception_evidence(const Scene& scene, Verdict& verdict) {
  const CpuState& state = scene.state();
  auto& evidence = verdict.evidence;
  const usize in_slots = scene.samples_with(in_fault_slot);
  if (state.slot && one_slot(scene))
    evidence.push_back(text("{} lie inside one vector slot: {}",
                            scene.count() == 1 ? "PC" : text("all {} samples of PC", scene.count()),
                            state.slot->name));
  else if (in_slots != 0)
    evidence.push_back(
        text("{} of {} samples lie in the entry of a fault", in_slots, scene.count()));
  if (const Recorded* fault = same_fault(scene)) {
    evidence.push_back(text("each time the same exception: {}", fault->cause));
    evidence.push_back(text("taken at {}", scene.place(fault->return_address)));
    if (fault->address) {
      const std::string mapping = scene.subject().explain_address(scene.file(), *fault->address);
      evidence.push_back(text("about the address {}{}{}", scene.place(*fault->address),
                              mapping.empty() ? "" : ", which is ", mapping));
    }
  } else if (state.recorded && state.recorded->fault) {
    evidence.push_back(text("the last exception: {}, at {}", state.recorded->cause,
                            scene.place(state.recorded->return_address)));
  }
}

MaybeVerdict nothing_at_pc(const Scene& scene) {
  if (!scene.facts().live) return std::nullopt;
  const auto nothing = [&](const CpuState& state) {
    return scene.nothing_at(state.pc) || (scene.zeros_at(state.pc) && !state.user);
  };
  if (2 * scene.samples_with(nothing) <= scene.count()) return std::nullopt;
  const CpuState& state = scene.state();
  Verdict verdict{.cause = Cause::nothing_at_pc, .sentence = {}, .evidence = {}, .advice = {}};
  const bool empty = scene.readable(state.pc);
  const std::string there =
      empty ? "memory there is zero: no program was put there" : "no memory can be fetched there";
  if (state.fault_entry == state.pc || (state.slot && state.slot->begin == state.pc)) {
    verdict.sentence = text("PC at nothing: exceptions go to {:#x}, and {}", state.pc, there);
    verdict.evidence.push_back(
        state.vectors == 0
            ? std::string("the vector base is 0, as after reset: the guest has not set one")
            : text("the vector base is {}", scene.place(state.vectors)));
  } else {
    verdict.sentence = text("PC at nothing: the CPU runs at {:#x}, and {}", state.pc, there);
    if (state.link != 0)
      verdict.evidence.push_back(text("the return address is {}", scene.place(state.link)));
  }
  const std::string mapping = scene.subject().explain_address(scene.file(), state.pc);
  if (!mapping.empty()) verdict.evidence.push_back(text("{:#x} is {}", state.pc, mapping));
  if (!state.translation) verdict.evidence.emplace_back("the MMU is off: addresses are physical");
  add_exception_evidence(scene, verdict);
  verdict.advice.emplace_back(
      "the first wrong step is older than this: look at the return address, and at what set the "
      "vector base");
  return verdict;
}

MaybeVerdict exception_loop(const Scene& scene) {
  if (!stuck_in_exceptions(scene)) return std::nullopt;
  const CpuState& state = scene.state();
  const Recorded* fault = same_fault(scene);
  Verdict verdict{.cause = Cause::exception_loop, .sentence = {}, .evidence = {}, .advice = {}};
  if (stack_is_gone(scene)) {
    verdict.cause = Cause::stack_overflow;
    verdict.sentence = text(
        "stack overflow: SP ({:#x}) has left memory, and each exception faults again when it "
        "saves registers there",
        state.sp);
    verdict.advice.emplace_back(
        "look for endless recursion or large arrays on the stack, or for a stack pointer that was "
        "never set");
  } else if (fault != nullptr) {
    verdict.sentence = text("exception loop: {} at {}, taken again and again", fault->cause,
                            scene.place(fault->return_address));
    verdict.advice.emplace_back(
        "the handler returns to the instruction that failed without having mended anything, or "
        "fails itself before it can report");
  } else {
    verdict.sentence = scene.count() == 1 && state.slot
                           ? text("the CPU is at the entry of an exception: {}", state.slot->name)
                           : exception_loop_sentence(scene);
  }
  add_exception_evidence(scene, verdict);
  return verdict;
}

}  // namespace pv::inspect
