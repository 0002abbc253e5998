#include "vmm/debugger.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "inspect/aarch64/step_mask.h"
#include "inspect/next_pc.h"
#include "inspect/own_breakpoint.h"

namespace pv::vmm {

using Reason = inspect::gdb::Stop::Reason;

Debugger::Debugger(VcpuGroup& group, memory::GuestMemory& ram, loop::Executor& loop,
                   hv::DebugLimits limits, Hooks hooks)
    : group_(group),
      ram_(ram),
      loop_(loop),
      limits_(limits),
      hooks_(std::move(hooks)),
      read_physical_([this](u64 address, MutableBytes into) { return read_ram(address, into); }),
      files_(group.size()),
      controls_(group.size()),
      masked_(group.size()),
      missed_(group.size()),
      exits_(group.size()) {}

void Debugger::hold_start(bool for_good) {
  holds_start_ = for_good;
  group_.pause_soon(VcpuGroup::Why::debugger);
}

Debugger::Stop Debugger::attach(Client client) {
  group_.pause(VcpuGroup::Why::debugger);
  hooks_.halted();
  client_ = std::move(client);
  phase_ = Phase::halted;
  forget();
  attached_ = true;
  return {};
}

bool Debugger::on_debug(hv::Vcpu& vcpu, const hv::Debug& debug) {
  std::lock_guard lock(mutex_);
  if (!attached_) return true;  // the breakpoint has gone meanwhile: the guest goes on at it
  exits_[vcpu.index()] = debug;
  post_halt();
  return true;
}

bool Debugger::hold_end(const Outcome& outcome) {
  std::lock_guard lock(mutex_);
  if (!attached_) return false;
  if (!end_) end_ = outcome;
  post_halt();
  return true;
}

// With mutex_ held.
void Debugger::post_halt() {
  group_.pause_soon(VcpuGroup::Why::debugger);
  if (std::exchange(halt_posted_, true)) return;
  loop_.post([this] {
    {
      std::lock_guard lock(mutex_);
      halt_posted_ = false;
    }
    halted();
  });
}

// All CPUs stand still, or will in a moment; finds out why, and tells the client or goes on.
void Debugger::halted() {
  if (!attached_ || phase_ == Phase::halted) return;
  group_.pause(VcpuGroup::Why::debugger);
  lift_traps();
  forget();
  for (unsigned cpu = 0; cpu < cpus(); ++cpu) finish_step(cpu);
  std::vector<std::optional<hv::Debug>> exits(cpus());
  std::optional<Outcome> end;
  {
    std::lock_guard lock(mutex_);
    exits.swap(exits_);
    end = end_;
  }
  std::optional<Stop> reported;
  for (unsigned cpu = 0; cpu < cpus(); ++cpu) {
    if (!exits[cpu]) continue;
    auto stop = explain(cpu, *exits[cpu]);
    if (!stop) continue;
    missed_[cpu] = reported.has_value() && stop->reason == Reason::breakpoint;
    if (!reported) reported = stop;
  }
  bool interrupted = std::exchange(interrupted_, false);
  if (end) {
    client_.note(text("The guest cannot go on: {}",
                      end->message.empty() ? "it reports a panic" : end->message));
    reported = Stop{.reason = Reason::crashed, .cpu = last_cpu_};
  }
  if (!reported && interrupted) reported = Stop{.reason = Reason::interrupted, .cpu = last_cpu_};
  if (reported) return report(*reported);
  if (auto going = proceed(); !going) {
    lift_traps();
    client_.note(going.error().message);
    report({.reason = Reason::halted, .cpu = last_cpu_});
  }
}

void Debugger::report(Stop stop) {
  phase_ = Phase::halted;
  last_cpu_ = stop.cpu;
  hooks_.halted();
  client_.stopped(stop);
}

// What a CPU's exit means to the client; nothing: only to us.
std::optional<Debugger::Stop> Debugger::explain(unsigned cpu, const hv::Debug& debug) {
  using Cause = hv::DebugCause;
  bool was_step = controls_[cpu].single_step;
  bool arrived =
      stepper_ == cpu && std::find(targets_.begin(), targets_.end(), debug.pc) != targets_.end();
  bool over = phase_ == Phase::stepping_over && stepping_ == cpu;
  if (debug.cause == Cause::watch) return stop_for_watch(cpu, debug);
  bool stepped =
      debug.cause == Cause::step || arrived || (debug.cause == Cause::unknown && was_step);
  const Entry* entry = debug.cause == Cause::step ? nullptr : entry_at(debug.pc);
  if (entry != nullptr && !(over && was_step))
    return Stop{.reason = Reason::breakpoint, .cpu = cpu, .point = entry->point};
  if (stepped) {
    if (actions_[cpu] == Action::step) return Stop{.reason = Reason::step, .cpu = cpu};
    return std::nullopt;
  }
  if (debug.cause == Cause::software || debug.cause == Cause::unknown) {
    auto given = deliver(cpu, debug.pc);
    if (given && *given) return std::nullopt;
    return Stop{.reason = Reason::own_trap, .cpu = cpu};
  }
  return std::nullopt;  // a register of a breakpoint that has been removed
}

Debugger::Stop Debugger::stop_for_watch(unsigned cpu, const hv::Debug& debug) const {
  Stop stop{.reason = Reason::watchpoint, .cpu = cpu, .point = Point::write};
  stop.address = debug.address;
  const auto& hardware = controls_[cpu].hardware;
  for (usize i = 0; i < hardware.size(); ++i) {
    const auto& point = hardware[i];
    if (point.kind == hv::HardwareBreakpoint::Kind::execute) continue;
    bool inside = debug.address - point.address < point.length;
    // An access may begin below what is watched; then it is as good as any.
    if (debug.slot ? *debug.slot != i : !inside && i + 1 < hardware.size()) continue;
    if (debug.slot || !inside) stop.address = point.address;
    using Kind = hv::HardwareBreakpoint::Kind;
    stop.point = point.kind == Kind::read     ? Point::read
                 : point.kind == Kind::access ? Point::access
                                              : Point::write;
    break;
  }
  return stop;
}

Result<void> Debugger::resume(std::span<const Action> actions) {
  std::optional<Outcome> end;
  {
    std::lock_guard lock(mutex_);
    end = end_;
  }
  if (end) {
    phase_ = Phase::running;
    hooks_.finish(*end);
    return {};
  }
  holds_start_ = false;
  actions_.assign(actions.begin(), actions.end());
  over_.clear();
  for (unsigned cpu = 0; cpu < cpus(); ++cpu)
    if (actions_[cpu] != Action::stay && !missed_[cpu] && !entries_.empty() &&
        entry_at(pc_of(cpu)) != nullptr)
      over_.push_back(cpu);
  auto going = proceed();
  if (!going) {
    lift_traps();
    phase_ = Phase::halted;
  }
  return going;
}

Result<void> Debugger::proceed() {
  stepper_.reset();
  targets_.clear();
  stepping_.reset();
  if (over_.empty()) return run_all();
  unsigned cpu = over_.back();
  over_.pop_back();
  return step_alone(cpu);
}

// One CPU executes the instruction at which it has a breakpoint; the others wait, for none of them
// may run through the gap.
Result<void> Debugger::step_alone(unsigned cpu) {
  u64 pc = pc_of(cpu);
  hv::DebugControl control = control_for(pc);
  phase_ = Phase::stepping_over;
  stepping_ = cpu;
  bool runs = TRY(begin_step(cpu, control));
  if (!runs) return arrived_at_once(cpu);
  TRY(plant_entries(pc));
  TRY(set_control(cpu, control));
  return run_only(cpu);
}

Result<void> Debugger::run_all() {
  phase_ = Phase::running;
  std::optional<unsigned> alone;
  for (unsigned cpu = 0; cpu < cpus(); ++cpu) {
    if (actions_[cpu] == Action::stay) continue;
    hv::DebugControl control = control_for(std::nullopt);
    // By breakpoints only one can step at a time.
    if (actions_[cpu] == Action::step && !alone) {
      bool runs = TRY(begin_step(cpu, control));
      if (!runs) return arrived_at_once(cpu);
      if (!limits_.single_step) alone = cpu;
    }
    TRY(set_control(cpu, control));
  }
  TRY(plant_entries(std::nullopt));
  if (alone) return run_only(*alone);
  forget();
  for (unsigned cpu = 0; cpu < cpus(); ++cpu) group_.hold(cpu, actions_[cpu] == Action::stay);
  group_.resume(VcpuGroup::Why::debugger);
  return {};
}

Result<void> Debugger::run_only(unsigned cpu) {
  forget();
  for (unsigned other = 0; other < cpus(); ++other) group_.hold(other, other != cpu);
  group_.resume(VcpuGroup::Why::debugger);
  return {};
}

// A step that leads back to where it began needs no running.
Result<void> Debugger::arrived_at_once(unsigned cpu) {
  lift_traps();
  std::lock_guard lock(mutex_);
  exits_[cpu] = hv::Debug{pc_of(cpu), hv::DebugCause::step, 0};
  post_halt();
  return {};
}

// Prepares that `cpu` stops after one instruction. False: it is there already.
Result<bool> Debugger::begin_step(unsigned cpu, hv::DebugControl& control) {
  if (limits_.single_step) {
    control.single_step = control.hold_interrupts = true;
    if (host_arch != Arch::aarch64) return true;
    // KVM has no way to hold interrupts here, and one is always due after a halt: masked instead.
    const hv::RegisterFile& file = *TRY(registers(cpu));
    u64 pstate = file.get_or("cpsr", 0);
    auto instruction = fetch(cpu, file.get_or("pc", 0));
    if (!instruction || inspect::aarch64::sees_masks(*instruction)) return true;
    u64 masked = pstate | inspect::aarch64::interrupt_masks;
    if (masked == pstate) return true;
    TRY(write_register(cpu, *file.index("cpsr"), {masked, 0}));
    masked_[cpu] = pstate;
    return true;
  }
  if (!limits_.software_breakpoints)
    return fail(Error::Kind::host, "this host cannot step a guest",
                "set a breakpoint where you want to arrive, and continue");
  const hv::RegisterFile& file = *TRY(registers(cpu));
  auto next = TRY(inspect::next_pc(file, [&](u64 at) { return fetch(cpu, at); }));
  if (next.itself) return false;
  stepper_ = cpu;
  Result<void> planted = fail(Error::Kind::host, "nowhere to go on");
  for (u64 address : next.addresses) {
    planted = plant_at(cpu, address);
    if (planted) targets_.push_back(address);
  }
  // Not mapped: the CPU will fault. On riscv64 we know where to.
  if (targets_.empty() && file.arch == Arch::riscv64) {
    u64 vector = file.get_or("stvec", 0) & ~u64{3};
    planted = plant_at(cpu, vector);
    if (planted) targets_.push_back(vector);
  }
  if (targets_.empty()) return std::unexpected(std::move(planted).error().within("cannot step"));
  control.software_breakpoints = true;
  return true;
}

// Gives back the interrupt masks that a step has changed.
void Debugger::finish_step(unsigned cpu) {
  if (!masked_[cpu]) return;
  u64 before = *std::exchange(masked_[cpu], std::nullopt);
  auto file = registers(cpu);
  if (!file) return;
  auto mended = inspect::aarch64::restore_masks(**file, before);
  [[maybe_unused]] auto written =
      write_register(cpu, *(*file)->index(mended.name), {mended.value, 0});
}

// The guest's own breakpoint instruction becomes its exception. False: this host cannot.
Result<bool> Debugger::deliver(unsigned cpu, u64 pc) {
  Result<bool> given = false;
  group_.on_vcpu(cpu, [&](hv::Vcpu& vcpu) { given = vcpu.deliver_breakpoint(controls_[cpu]); });
  if (!given || *given) return given;
  auto instruction = fetch(cpu, pc);
  if (!instruction) return false;
  const hv::RegisterFile file = *TRY(registers(cpu));
  return inspect::give_breakpoint(file, *instruction, [&](usize index, hv::RegisterValue value) {
    return write_register(cpu, index, value);
  });
}

void Debugger::interrupt() {
  if (!attached_ || phase_ == Phase::halted) return;
  interrupted_ = true;
  std::lock_guard lock(mutex_);
  post_halt();
}

void Debugger::detach() {
  holds_start_ = false;
  leave();
}

bool Debugger::abandon() {
  leave();
  return !holds_start_;
}

// In whatever phase.
void Debugger::leave() {
  if (!attached_ || ending_) return;
  group_.pause(VcpuGroup::Why::debugger);
  lift_traps();
  forget();
  for (unsigned cpu = 0; cpu < cpus(); ++cpu) {
    finish_step(cpu);
    [[maybe_unused]] auto off = set_control(cpu, {});
    group_.hold(cpu, false);
    missed_[cpu] = false;
  }
  entries_.clear();
  forget();
  std::optional<Outcome> end;
  {
    std::lock_guard lock(mutex_);
    attached_ = false;
    interrupted_ = false;
    std::fill(exits_.begin(), exits_.end(), std::nullopt);
    end = std::exchange(end_, std::nullopt);
  }
  client_ = {};
  phase_ = Phase::running;
  if (end) return hooks_.finish(*end);
  if (!holds_start_) group_.resume(VcpuGroup::Why::debugger);
}

void Debugger::kill() {
  ending_ = true;
  hooks_.finish({Outcome::Kind::stopped, 0, {}, {}});
}

}  // namespace pv::vmm
