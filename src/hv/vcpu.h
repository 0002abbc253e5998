// Vcpu: one virtual processor. run() and everything that touches its state belongs to the thread
// that runs it; kick() alone may be called from any thread.
#pragma once

#include <functional>
#include <optional>

#include "base/result.h"
#include "hv/debug.h"
#include "hv/exit.h"
#include "hv/registers.h"

namespace pv::hv {

class Vcpu {
 public:
  virtual ~Vcpu() = default;
  virtual unsigned index() const = 0;
  // Whether set_debug() has asked for a stop after one instruction.
  virtual bool single_stepping() const = 0;

  // Enters the guest until it needs the monitor. A pending MMIO or PIO read is finished on entry.
  virtual Result<Exit> run() = 0;

  // Finishes pending I/O of the last exit without executing a further instruction, so that the
  // state can be read or saved. An instruction that needs more I/O (a repeated or split access)
  // gives its next exit, to be handled and finished likewise; without one, all is finished.
  virtual Result<std::optional<Exit>> finish_pending() = 0;

  virtual void complete_read(u64 value) = 0;             // after MmioRead
  virtual void complete_call(i64 error, u64 value) = 0;  // after Hypercall

  // After bind_thread() (called by the vCPU's own thread), kick() from any thread makes run()
  // return Interrupted soon, also when it is just about to enter.
  virtual void bind_thread() = 0;
  virtual void kick() = 0;
  // Called by the vCPU's thread when it has seen the kick's reason: the next run() enters again.
  virtual void clear_kick() = 0;

  // Interrupt controllers of our own (PLIC, GICv2): drives the vCPU's external interrupt input.
  virtual void set_external_interrupt(bool level) = 0;

  // The same for what the vCPU itself raises (aarch64: timers and PMU): `sink` is told on the
  // vCPU's thread whenever a level has changed. Before the first run. Elsewhere nothing is ever
  // told.
  enum class Private : u8 { virtual_timer, physical_timer, pmu };
  using PrivateSink = std::function<void(Private, bool level)>;
  virtual void watch_private_interrupts(PrivateSink sink) = 0;

  // Looking into the guest; outside run(), with nothing pending (finish_pending()) where a value is
  // written. Registers that the host does not know stay unknown in the file.
  // Errors (host): the hypervisor refuses.
  virtual Result<RegisterFile> read_registers(RegisterGroups groups) = 0;
  // Register `index` of register_table(host_arch), alone. Errors: the host does not know it.
  virtual Result<RegisterValue> read_register(usize index) = 0;
  // The same written. Errors: it cannot be.
  virtual Result<void> write_register(usize index, RegisterValue value) = 0;
  // From the next run() on. Errors: the host cannot do what is asked for.
  virtual Result<void> set_debug(const DebugControl& control) = 0;
  virtual DebugLimits debug_limits() = 0;
  // The guest's own breakpoint instruction, at which a Debug exit has just stopped, becomes the
  // exception that the guest expects. False: this host leaves that to whoever writes registers.
  virtual Result<bool> deliver_breakpoint(const DebugControl& control) = 0;
};

}  // namespace pv::hv
