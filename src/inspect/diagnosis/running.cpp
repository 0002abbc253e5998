// Rules about CPUs that execute (or wait) outside exceptions.
#include <algorithm>

#include "base/text.h"
#include "inspect/diagnosis/rules.h"
#include "inspect/diagnosis/samples.h"

namespace pv::inspect {
namespace {

// Samples that can show whether there is progress.
constexpr usize fewest = 5;

// The address of the wait instruction that `pc` is at or has just executed: a host that halts the
// CPU for it has already moved PC on.
std::optional<u64> wait_at(const Scene& scene, u64 pc) {
  if (scene.instruction(pc).op == Op::wait) return pc;
  const u64 size = scene.arch() == Arch::x86_64 ? 1 : 4;
  if (scene.instruction(pc - size).op == Op::wait) return pc - size;
  return std::nullopt;
}

bool waits(const Scene& scene, usize i) {
  if (scene.files()[i].activity == hv::Activity::halted) return true;
  const CpuState& state = scene.states()[i];
  return state.waits || wait_at(scene, state.pc).has_value();
}

usize count_waiting(const Scene& scene) {
  usize waiting = 0;
  for (usize i = 0; i < scene.count(); ++i)
    if (waits(scene, i)) ++waiting;
  return waiting;
}

// Whether nothing but the wait instruction and jumps back to it follows: then what interrupts could
// unmask is never executed.
bool waits_in_circle(const Scene& scene, u64 wait) {
  u64 at = wait;
  for (int steps = 0; steps < 4; ++steps) {
    const Instruction one = scene.instruction(at);
    if (one.size == 0 || (one.op != Op::wait && one.op != Op::jump)) return false;
    at = one.op == Op::jump ? one.target : at + one.size;
    if (at == wait) return true;
  }
  return false;
}

}  // namespace

MaybeVerdict held(const Scene& scene) {
  const Facts& facts = scene.facts();
  const auto activity = scene.file().activity;
  const auto say = [](Cause cause, std::string sentence) {
    return Verdict{.cause = cause, .sentence = std::move(sentence), .evidence = {}, .advice = {}};
  };
  if (facts.paused)
    return say(Cause::paused, "paused by its owner: polyvisor resume lets it go on");
  if (facts.debugger)
    return say(Cause::debugged,
               "stopped in a debugger, or waiting for one: it goes on when that lets it");
  if (activity == hv::Activity::waits_for_start || activity == hv::Activity::stopped) {
    Verdict verdict = say(Cause::never_started, "the CPU is off: it was not started, or stopped");
    verdict.evidence.push_back(text("the host says: {}", hv::name(activity)));
    return verdict;
  }
  if (scene.state().unstarted) {
    Verdict verdict = say(Cause::never_started, "the CPU is in the spin table: it was not started");
    verdict.evidence.push_back(
        text("PC is in the loop that tests its entry, at {:#x}", scene.state().pc));
    return verdict;
  }
  return std::nullopt;
}

MaybeVerdict waiting(const Scene& scene) {
  const usize waiting = count_waiting(scene);
  const CpuState& state = scene.state();
  if (10 * waiting < 8 * scene.count()) return std::nullopt;
  Verdict verdict{.cause = Cause::idle, .sentence = {}, .evidence = {}, .advice = {}};
  verdict.evidence.push_back(text("{} of {} samples are in a wait instruction, the last at {}",
                                  waiting, scene.count(), scene.place(state.pc)));
  if (!state.timer.empty()) verdict.evidence.push_back(state.timer);
  const auto wait = wait_at(scene, state.pc);
  const usize masked =
      scene.samples_with([](const CpuState& one) { return one.interrupts_masked; });
  const bool circle = wait && waits_in_circle(scene, *wait) && masked == scene.count();
  const bool sure =
      scene.samples_with([](const CpuState& one) { return one.sure; }) == scene.count();
  if (sure || circle) {
    verdict.cause = Cause::waits_for_ever;
    verdict.sentence = text("waits for an interrupt that nobody will raise: {}",
                            sure ? state.no_wake
                                 : "a loop of nothing but the wait instruction, with "
                                   "interrupts masked");
    if (circle && sure)
      verdict.evidence.emplace_back("the loop is nothing but the wait instruction");
    verdict.advice.emplace_back(
        "if the guest has not simply ended here: set a timer or enable a device's interrupt, and "
        "unmask interrupts, before waiting");
    return verdict;
  }
  verdict.sentence = state.timer_armed.value_or(false) ? "idle: waits for its timer or a device"
                                                       : "idle: waits for a device's interrupt";
  return verdict;
}

constexpr u64 widest = 64;  // bytes of a loop

// Whether a jump or branch soon behind `pc` leads back to it or to before it. Where instructions
// have many sizes, every byte may begin one.
bool loops_back(const Scene& scene, u64 pc) {
  constexpr u64 reach = 32;
  const u64 step = scene.architecture().alignment;
  for (u64 at = pc; at < pc + reach; at += step) {
    const Instruction one = scene.instruction(at);
    if ((one.op == Op::jump || one.op == Op::branch) && pc - one.target <= widest) return true;
  }
  return false;
}

// Why a circle may be all that a healthy guest has to do; empty: it is none.
std::string excuse(const Scene& scene) {
  if (in_user_mode(scene) != 0) return "a program in user mode does as it likes";
  const usize masked =
      scene.samples_with([](const CpuState& state) { return state.interrupts_masked; });
  if (masked == scene.count() || scene.state().sure || scene.is_linux()) return {};
  // What is no loop does not end: an instruction that is executed again and again.
  const Window seen = window(scene);
  if (seen.distinct.size() == 1 && !loops_back(scene, seen.low)) return {};
  return "interrupts are on: their handlers may do the guest's work, or end the loop";
}

// Endless recursion where writes outside memory go nowhere: the stack pointer wanders there.
MaybeVerdict runaway_stack(const Scene& scene) {
  std::vector<u64> places;
  const usize gone = scene.samples_with([&](const CpuState& state) {
    const bool lost = !state.user && state.sp != 0 && scene.nothing_at(state.sp);
    if (lost && std::ranges::find(places, state.sp) == places.end()) places.push_back(state.sp);
    return lost;
  });
  if (2 * gone <= scene.count() || 3 * places.size() < scene.count() || places.size() < 3)
    return std::nullopt;
  Verdict verdict{.cause = Cause::stack_overflow, .sentence = {}, .evidence = {}, .advice = {}};
  verdict.sentence =
      text("stack overflow: SP ({:#x}) has left memory and goes on", scene.state().sp);
  verdict.evidence.push_back(
      text("SP was at {} places without memory in {} samples", places.size(), scene.count()));
  verdict.advice.emplace_back(
      "look for endless recursion, or for a stack pointer that was never set");
  return verdict;
}

MaybeVerdict spinning(const Scene& scene) {
  if (!scene.facts().live || scene.count() < fewest) return std::nullopt;
  const Window seen = window(scene);
  const bool narrow = seen.high - seen.low <= widest;
  // Places far apart count only when each was met several times on average.
  if (!narrow && 3 * seen.distinct.size() > scene.count()) return std::nullopt;
  if (narrow ? !no_progress(scene) : !goes_in_circle(scene)) return std::nullopt;
  if (count_waiting(scene) != 0) return std::nullopt;  // something ends its waits
  const CpuState& state = scene.state();
  const Instruction one = scene.instruction(seen.low);
  Verdict verdict{.cause = Cause::spinning, .sentence = {}, .evidence = {}, .advice = {}};
  if (seen.distinct.size() == 1 && one.op == Op::jump && one.target == seen.low) {
    verdict.sentence =
        text("spinning on one instruction: {} jumps to itself", scene.place(seen.low));
  } else if (seen.distinct.size() == 1) {
    verdict.sentence = text("spinning at one place: {}", scene.place(seen.low));
  } else if (narrow) {
    verdict.sentence = text("spinning in a loop of {} bytes, from {}", seen.high - seen.low,
                            scene.place(seen.low));
  } else {
    std::string places;
    for (u64 pc : seen.distinct)
      places += text("{}{}", places.empty() ? "" : ", ", scene.place(pc));
    verdict.sentence = text("spinning between {} places: {}", seen.distinct.size(), places);
  }
  verdict.evidence.push_back(
      text("all {} samples of PC lie there, and no register changes", scene.count()));
  verdict.evidence.push_back(state.mode);
  if (const std::string reason = excuse(scene); !reason.empty()) {
    verdict.cause = Cause::busy;
    verdict.sentence = "busy: " + verdict.sentence;
    verdict.evidence.push_back("no alarm: " + reason);
    return verdict;
  }
  verdict.advice.emplace_back(
      "see what the loop waits for: a lock, a flag that another CPU or a handler should set, a "
      "device that does not answer");
  return verdict;
}

Verdict busy(const Scene& scene) {
  if (!scene.facts().live) return one_moment(scene);
  Verdict verdict{.cause = Cause::busy, .sentence = {}, .evidence = {}, .advice = {}};
  const Window seen = window(scene);
  if (scene.count() < fewest && seen.distinct.size() == 1) {
    verdict.cause = Cause::unknown;
    verdict.sentence =
        text("{} samples at one place show neither a hang nor progress", scene.count());
    verdict.advice.push_back(text("take {} or more (--samples)", fewest));
    return verdict;
  }
  const usize waiting = count_waiting(scene);
  verdict.sentence = waiting != 0 ? "busy at times, idle at others" : "busy: it makes progress";
  verdict.evidence.push_back(
      text("{} samples at {} places: {} in user mode, {} in a wait "
           "instruction",
           scene.count(), seen.distinct.size(), in_user_mode(scene), waiting));
  return verdict;
}

Verdict judge(const Scene& scene) {
  for (auto rule : {held, unwritten_register, nothing_at_pc, exception_loop, runaway_stack,
                    stuck_for_sure, waiting, spinning})
    if (auto verdict = rule(scene)) return *std::move(verdict);
  return busy(scene);
}

}  // namespace pv::inspect
