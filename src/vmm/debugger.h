// Debugger: run control of a VM for the gdb stub. All vCPUs stop when one does; breakpoints are put
// into guest memory or the processors' registers only while the guest runs, so whoever looks while
// it stands still sees the guest's own bytes; a resume steps over the breakpoints at which CPUs
// stand.
//
// Everything runs on the loop's thread but what says otherwise. What the host really can was
// probed (kvm/debug_probe.h); docs/decisions/debug-probing.md has the table. Absent: conditions of
// breakpoints (the client evaluates them), reverse execution.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "inspect/gdb/target.h"
#include "inspect/page_walk.h"
#include "loop/executor.h"
#include "memory/guest_memory.h"
#include "vmm/outcome.h"
#include "vmm/vcpu_group.h"

namespace pv::vmm {

class Debugger final : public inspect::gdb::Target {
 public:
  using Action = inspect::gdb::Action;
  using Point = inspect::gdb::Point;
  using Stop = inspect::gdb::Stop;

  struct Hooks {
    std::function<void()> halted;              // all vCPUs have just stopped: flush what is pending
    std::function<void(Outcome)> finish;       // end the VM
    std::function<std::string()> exit_report;  // for `monitor exits`
  };
  struct Client {
    std::function<void(const Stop&)> stopped;
    std::function<void(std::string)> note;
  };

  // All outlive the debugger. `limits`: what this host can.
  Debugger(VcpuGroup& group, memory::GuestMemory& ram, loop::Executor& loop, hv::DebugLimits limits,
           Hooks hooks);

  // Before the first resume: the guest stands at its first instruction until a client comes, and
  // with `for_good` (--gdb-wait) until one lets it run: one that only came and went has not.
  void hold_start(bool for_good);
  // Someone to debug for: halts the guest, for the reason returned. Once, until detach() or
  // abandon().
  Stop attach(Client client);
  // The client has vanished: the guest goes on as after detach(). False: it is still held.
  bool abandon();
  bool attached() const { return attached_.load(std::memory_order_relaxed); }
  bool stopped() const { return attached() && phase_ == Phase::halted; }

  // A vCPU's thread: it came back with this exit. Always goes on.
  bool on_debug(hv::Vcpu& vcpu, const hv::Debug& debug);
  // Any thread: the guest has come to this end. True: a client sees that first, as a stop; the VM
  // ends when it resumes. False: nobody is there, end it now.
  bool hold_end(const Outcome& outcome);
  // What this host cannot do, in words; empty when nothing.
  std::string shortcomings() const;

  // inspect::gdb::Target
  Arch arch() const override { return host_arch; }
  unsigned cpus() const override { return static_cast<unsigned>(group_.size()); }
  Result<hv::RegisterFile> read_registers(unsigned cpu, hv::RegisterGroups groups) override;
  Result<void> write_register(unsigned cpu, usize index, hv::RegisterValue value) override;
  Result<usize> read_memory(unsigned cpu, bool physical, u64 address, MutableBytes into) override;
  Result<void> write_memory(unsigned cpu, bool physical, u64 address, Bytes from) override;
  Result<bool> insert(unsigned cpu, Point point, u64 address, u64 length) override;
  Result<bool> remove(Point point, u64 address, u64 length) override;
  Result<void> resume(std::span<const Action> actions) override;
  void interrupt() override;
  void detach() override;
  void kill() override;
  std::string describe(unsigned cpu) override;
  std::string monitor(unsigned cpu, std::string_view line) override;

 private:
  // A breakpoint or watchpoint of the client.
  struct Entry {
    Point point;
    u64 address;
    u64 length;
    u64 physical;    // in_memory: where
    bool in_memory;  // a trap instruction; otherwise one of the processor's registers
  };
  // A trap instruction that stands in guest memory now.
  struct Trap {
    u64 physical;
    std::array<u8, 4> saved;
    std::array<u8, 4> instruction;
    u32 size;
  };
  enum class Phase : u8 {
    halted,
    stepping_over,  // one CPU alone, without the breakpoint at which it stands
    running,
  };

  static constexpr usize max_entries = 256;

  void leave();
  void post_halt();
  void halted();
  std::optional<Stop> explain(unsigned cpu, const hv::Debug& debug);
  Stop stop_for_watch(unsigned cpu, const hv::Debug& debug) const;
  void report(Stop stop);
  Result<void> proceed();
  Result<void> step_alone(unsigned cpu);
  Result<void> run_all();
  Result<void> run_only(unsigned cpu);
  Result<void> arrived_at_once(unsigned cpu);
  Result<bool> begin_step(unsigned cpu, hv::DebugControl& control);
  void finish_step(unsigned cpu);
  Result<bool> deliver(unsigned cpu, u64 pc);

  const Entry* entry_at(u64 pc) const;
  bool has_room(Point point) const;
  Result<void> try_out(const Entry& entry);
  hv::DebugControl control_for(std::optional<u64> without) const;
  Result<void> set_control(unsigned cpu, const hv::DebugControl& control);
  Result<void> plant_entries(std::optional<u64> without);
  Result<void> plant_at(unsigned cpu, u64 address);
  Result<void> plant(u64 physical);
  void lift_traps();

  Result<const hv::RegisterFile*> registers(unsigned cpu);
  u64 pc_of(unsigned cpu);
  std::optional<u32> fetch(unsigned cpu, u64 address);
  Result<u64> translate(unsigned cpu, u64 address, u64& left);
  bool read_ram(u64 address, MutableBytes into) const;
  bool write_ram(u64 address, Bytes from);
  void forget() {
    for (auto& file : files_) file.reset();
  }
  std::string monitor_translate(unsigned cpu, std::string_view argument);
  std::string monitor_registers(unsigned cpu);
  std::string monitor_limits() const;

  VcpuGroup& group_;
  memory::GuestMemory& ram_;
  loop::Executor& loop_;
  hv::DebugLimits limits_;
  Hooks hooks_;
  Client client_;
  std::atomic<bool> attached_{false};
  inspect::ReadPhysical read_physical_;

  std::atomic<Phase> phase_{Phase::running};
  std::vector<std::optional<hv::RegisterFile>> files_;  // while halted; all groups
  std::vector<Entry> entries_;
  std::vector<Trap> traps_;
  std::vector<Action> actions_;
  std::vector<hv::DebugControl> controls_;  // what each CPU has been told last
  std::vector<std::optional<u64>> masked_;  // PSTATE before a step with interrupts masked
  std::vector<bool> missed_;                // at a breakpoint that another CPU's stop has hidden
  std::vector<unsigned> over_;              // CPUs that still have to step over a breakpoint
  std::optional<unsigned> stepping_;        // the one that does so now
  std::optional<unsigned> stepper_;         // the one that steps by breakpoints, to targets_
  std::vector<u64> targets_;
  unsigned last_cpu_ = 0;
  bool holds_start_ = false;
  bool interrupted_ = false;
  bool ending_ = false;

  std::mutex mutex_;  // of what vCPU threads leave here
  std::vector<std::optional<hv::Debug>> exits_;
  std::optional<Outcome> end_;
  bool halt_posted_ = false;
};

}  // namespace pv::vmm
