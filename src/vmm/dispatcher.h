// Dispatcher: what the monitor does with a vCPU's exit. Runs on the vCPUs' threads; everything it
// touches is thread-safe or its own.
//
// Writes that the kernel has collected (posted) are older than the exit that just happened: they
// are delivered first, so that a device sees its accesses in the guest's order.
#pragma once

#include <functional>

#include "base/log.h"
#include "bus/bus.h"
#include "hv/vm.h"
#include "machine/machine.h"
#include "vmm/exit_stats.h"
#include "vmm/outcome.h"
#include "vmm/undescribed.h"

namespace pv::vmm {

class Dispatcher {
 public:
  using Finish = std::function<void(Outcome)>;

  // All outlive the dispatcher. `finish` is told when an exit ends the VM; any thread.
  Dispatcher(hv::Vm& vm, machine::Machine& machine, bus::Bus& mmio, bus::Bus& pio,
             Undescribed& undescribed, Log& log, Finish finish);

  // Who takes hv::Debug exits; without one they are crashes. Before the first exit.
  using OnDebug = std::function<bool(hv::Vcpu&, const hv::Debug&)>;
  void set_debugger(OnDebug on_debug) { on_debug_ = std::move(on_debug); }

  // Says of a vCPU that has shut down why, in words. Before the first exit.
  using Explain = std::function<std::string(hv::Vcpu&)>;
  void explain_triple_faults(Explain explain) { explain_ = std::move(explain); }

  // False: this vCPU cannot go on.
  bool handle(hv::Vcpu& vcpu, const hv::Exit& exit);

  // Delivers what the kernel has collected; returns how many writes there were.
  usize drain_posted();
  // Posted writes delivered so far.
  u64 delivered() const { return delivered_.load(std::memory_order_relaxed); }

 private:
  bool on(hv::Vcpu&, const hv::MmioRead&);
  bool on(hv::Vcpu&, const hv::MmioWrite&);
  bool on(hv::Vcpu&, const hv::Pio&);
  bool on(hv::Vcpu&, const hv::Hypercall&);
  bool on(hv::Vcpu&, const hv::Nisv&);
  bool on(hv::Vcpu&, const hv::Unemulated&);
  bool on(hv::Vcpu&, const hv::Debug&);
  bool on(hv::Vcpu&, const hv::FailEntry&);
  bool on(hv::Vcpu&, const hv::InternalError&);
  bool on(hv::Vcpu&, const hv::SystemEvent&);
  bool on(hv::Vcpu&, const hv::TripleFault&);
  bool on(hv::Vcpu&, const hv::Halted&);
  bool on(hv::Vcpu&, const hv::Interrupted&) { return true; }
  bool on(hv::Vcpu&, const hv::Unknown&);
  bool crash(std::string message, std::string hint = {});

  hv::Vm& vm_;
  machine::Machine& machine_;
  bus::Bus& mmio_;
  bus::Bus& pio_;
  Undescribed& undescribed_;
  Log& log_;
  Finish finish_;
  OnDebug on_debug_;
  Explain explain_;
  std::function<void(const hv::PostedWrite&)> deliver_;
  std::atomic<usize> delivered_{0};
  Throttle stray_{5};
};

}  // namespace pv::vmm
