#include "inspect/diagnosis/diagnose.h"

#include <algorithm>

#include "base/text.h"
#include "inspect/diagnosis/earlier_report.h"
#include "inspect/diagnosis/rules.h"
#include "inspect/diagnosis/samples.h"
#include "inspect/disassembler.h"
#include "inspect/kernel_log.h"
#include "inspect/kernel_names.h"
#include "inspect/unwind.h"

namespace pv::inspect {
namespace {

// What explains a guest best comes first.
constexpr Cause severity[] = {
    Cause::paused,         Cause::debugged,       Cause::panic,         Cause::unwritten_register,
    Cause::stack_overflow, Cause::exception_loop, Cause::nothing_at_pc, Cause::spinning,
    Cause::waits_for_ever, Cause::busy,           Cause::idle,          Cause::unknown,
    Cause::never_started,
};
usize rank(Cause cause) {
  return static_cast<usize>(std::ranges::find(severity, cause) - std::begin(severity));
}

// Whether more samples may tell more: a circle without a fault in it, whose handler may only not
// have been met yet. A jump to itself has none.
bool is_open(const Scene& scene) {
  const Cause cause = judge(scene).cause;
  if ((cause != Cause::spinning && cause != Cause::busy) || !spinning(scene)) return false;
  const Instruction one = scene.instruction(scene.state().pc);
  return one.op != Op::jump || one.target != scene.state().pc;
}

Result<std::vector<Scene>> sample(Subject& subject, const Options& options) {
  const Facts& facts = subject.facts();
  std::vector<Scene> scenes;
  for (unsigned cpu = 0; cpu < facts.cpus; ++cpu) scenes.emplace_back(subject, cpu);
  const bool moves = facts.live && !facts.paused && !facts.debugger;
  const unsigned rounds = moves ? std::max(options.samples, 1u) : 1;
  constexpr unsigned most_blocks = 4;
  for (unsigned block = 0; block < most_blocks; ++block) {
    for (unsigned round = 0; round < rounds; ++round) {
      if ((round != 0 || block != 0) && options.wait) options.wait();
      for (Scene& scene : scenes) scene.add(TRY(subject.sample(scene.cpu())));
    }
    if (!moves || !std::ranges::any_of(scenes, is_open)) break;
  }
  return scenes;
}

void code_around(const Scene& scene, CpuReport& report) {
  constexpr u64 before = 16, size = 48;
  const u64 pc = scene.state().pc;
  // Backwards only where instructions have one size, and as far as memory goes.
  u64 begin = pc;
  if (scene.architecture().alignment == 4)
    while (begin > pc - before && scene.readable(begin - 4)) begin -= 4;
  std::vector<u8> bytes(static_cast<usize>(size));
  while (!bytes.empty() && !scene.read(begin, bytes)) bytes.resize(bytes.size() - 4);
  report.bytes = bytes;
  report.bytes_at = begin;
  report.code = disassemble(scene.arch(), bytes, begin, pc, scene.names());
}

// Where the addresses that matter lead by the guest's own page tables.
void add_translations(const Scene& scene, CpuReport& report) {
  const CpuState& state = scene.state();
  const auto line = [&](const char* label, u64 address) {
    const std::string mapping = scene.subject().explain_address(scene.file(), address);
    if (!mapping.empty()) report.state.push_back(text("{:9} {:#x} is {}", label, address, mapping));
  };
  line("PC", state.pc);
  line("SP", state.sp);
  if (state.recorded && state.recorded->fault && state.recorded->address)
    line("fault at", *state.recorded->address);
}

CpuReport report_of(const Scene& scene) {
  CpuReport report;
  report.cpu = scene.cpu();
  report.verdict = judge(scene);
  report.registers = scene.file();
  report.state = scene.architecture().words(scene.file(), scene.state());
  add_translations(scene, report);
  code_around(scene, report);
  CallChain chain = unwind(scene);
  report.backtrace = std::move(chain.frames);
  report.on_stack = std::move(chain.on_stack);
  return report;
}

// Puts another verdict in the place of one, whose sentence becomes evidence.
void replace(Verdict& verdict, Cause cause, std::string sentence) {
  verdict.evidence.insert(verdict.evidence.begin(), std::move(verdict.sentence));
  verdict.cause = cause;
  verdict.sentence = std::move(sentence);
}

// The verdict about the guest: that of the CPU that explains it best. A CPU that waits for ever or
// is off beside others that run is parked.
void decide(Report& report, bool is_linux) {
  const auto alive = [](const CpuReport& one) {
    return one.verdict.cause == Cause::busy || one.verdict.cause == Cause::idle;
  };
  const bool some_alive = std::ranges::any_of(report.cpus, alive);
  const auto weight = [&](const CpuReport& one) {
    if (some_alive && one.cpu != 0 && one.verdict.cause == Cause::waits_for_ever)
      return rank(Cause::never_started);
    return rank(one.verdict.cause);
  };
  const auto worst = std::ranges::min_element(report.cpus, {}, weight);
  report.deciding = static_cast<unsigned>(worst - report.cpus.begin());
  report.verdict = worst->verdict;
  // Another one works, and this one may wait for what it does. Linux does not wait so, with
  // interrupts masked, for long.
  const auto works = std::ranges::find_if(
      report.cpus, [](const CpuReport& one) { return one.verdict.cause == Cause::busy; });
  if (worst->verdict.cause == Cause::spinning && works != report.cpus.end() && !is_linux) {
    replace(report.verdict, Cause::busy,
            text("busy: CPU {} goes round in a loop, perhaps until CPU {} has done its work",
                 worst->cpu, works->cpu));
    report.verdict.evidence.push_back(text("CPU {}: {}", works->cpu, works->verdict.sentence));
    report.verdict.advice.clear();
    return;
  }
  // All others off, and this one goes round in a loop: it waits for them.
  const usize off = static_cast<usize>(std::ranges::count_if(
      report.cpus, [](const CpuReport& one) { return one.verdict.cause == Cause::never_started; }));
  if (worst->verdict.cause == Cause::spinning && off != 0) {
    std::string names;
    for (const CpuReport& one : report.cpus)
      if (one.verdict.cause == Cause::never_started)
        names += text("{}{}", names.empty() ? "" : ", ", one.cpu);
    replace(report.verdict, Cause::never_started,
            text("CPU {} was never started, and CPU {} spins: it probably waits for it", names,
                 worst->cpu));
  }
}

std::string missing_log(const LogSearch& search) {
  if (!search.whole)
    return text("No kernel log was found: the search gave up after {}.",
                size_text(search.examined));
  if (search.is_linux)
    return "A Linux kernel is in the guest's memory, but no log of it: it has said nothing yet, or "
           "its "
           "beginning is overwritten.";
  return "No kernel log: nothing in the guest's memory calls itself Linux.";
}

// The end of the kernel's log; a panic in it explains what the CPUs do, unless one of them waits or
// works: a kernel that panics does neither.
void add_log(const LogSearch& search, const Options& options, const std::vector<Scene>& scenes,
             Report& report) {
  if (!options.search) return;
  if (!search.log) {
    report.log_note = missing_log(search);
    return;
  }
  const KernelLog* log = &*search.log;
  report.log_note = text("The log has {} lines, at {:#x}.", log->lines.size(), log->address);
  const usize first = log->lines.size() - std::min(log->lines.size(), options.log_lines);
  report.log.assign(log->lines.begin() + static_cast<std::ptrdiff_t>(first), log->lines.end());
  const std::string* panic = find_panic(*log);
  const Cause cause = report.verdict.cause;
  if (panic == nullptr || cause == Cause::idle || cause == Cause::paused ||
      cause == Cause::debugged || std::ranges::any_of(scenes, in_user_mode))
    return;
  Verdict verdict{.cause = Cause::panic,
                  .sentence = "the kernel has panicked: " + *panic,
                  .evidence = {},
                  .advice = {}};
  verdict.evidence.emplace_back("this line stands in the kernel's log, read from its memory");
  verdict.evidence.push_back("the CPU since: " + report.verdict.sentence);
  verdict.advice.emplace_back("panic=-1 on the guest's command line makes it reset instead");
  report.verdict = std::move(verdict);
}

// What a Linux guest's memory tells beside its registers: its log, and the names of its functions.
LogSearch read_kernel(Subject& subject, const Options& options, std::vector<Scene>& scenes,
                      KernelNames& names) {
  LogSearch log;
  std::vector<hv::RegisterFile> cpus;
  for (const Scene& scene : scenes) cpus.push_back(scene.file());
  if (options.search) {
    log = find_kernel_log(subject, std::nullopt, options.search);
    if (log.is_linux) names.find_own(subject, log.kernel, options.search);
  }
  names.settle(subject, cpus);
  // A ring that has gone round is found by its name alone.
  const auto ring = log.is_linux && !log.log ? names.address_of("prb") : std::nullopt;
  for (usize i = 0; ring && !log.log && i < cpus.size(); ++i)
    log.log = find_kernel_log(subject, LogHint{&cpus[i], *ring}, [] { return false; }).log;
  for (Scene& scene : scenes) {
    if (names.any()) scene.name_by(&names);
    if (log.is_linux) scene.set_linux();
  }
  return log;
}

}  // namespace

std::string_view name(Cause cause) {
  constexpr std::string_view names[] = {"busy",
                                        "idle",
                                        "paused",
                                        "debugger",
                                        "not-started",
                                        "exception-loop",
                                        "unwritten-register",
                                        "pc-at-nothing",
                                        "stack-overflow",
                                        "panic",
                                        "waits-for-ever",
                                        "spinning",
                                        "unknown"};
  return names[static_cast<usize>(cause)];
}

bool is_healthy(Cause cause) {
  return cause == Cause::busy || cause == Cause::idle || cause == Cause::paused ||
         cause == Cause::debugged;
}

Result<Report> diagnose(Subject& subject, const Options& options) {
  Report report;
  report.facts = subject.facts();
  const ConsoleUse before = subject.console();
  std::vector<Scene> scenes = TRY(sample(subject, options));
  const ConsoleUse after = subject.console();
  if (scenes.empty()) return fail(Error::Kind::image, "there is no CPU to look at");
  report.samples = scenes.front().count();
  KernelNames names(options.symbols);
  const LogSearch log = read_kernel(subject, options, scenes, names);
  report.names_note = names.note();
  for (const Scene& scene : scenes) report.cpus.push_back(report_of(scene));
  decide(report, log.is_linux);
  if (report.verdict.cause == Cause::spinning) {
    const bool talks = after.written != before.written;
    const bool asks = after.polled && after.reads != before.reads;
    if (talks || asks) {
      replace(report.verdict, talks ? Cause::busy : Cause::idle,
              talks ? "busy: it writes to its console"
                    : "idle: asks its console for input, again and again");
      report.verdict.advice.clear();
    }
  }
  add_log(log, options, scenes, report);
  if (const EarlierReport* earlier = subject.earlier()) restore(*earlier, report);
  return report;
}

}  // namespace pv::inspect
