// What becomes of a device access that the processor did not describe to KVM (hv::Nisv, aarch64):
// it is completed from its instruction (inspect/aarch64/complete.h), or refused.
//
// A refused one is given back to the guest as the data abort that real hardware would give, with a
// warning in the log; or it ends the VM (--nisv stop). docs/decisions/undescribed-accesses.md.
#pragma once

#include <optional>
#include <vector>

#include "base/log.h"
#include "bus/bus.h"
#include "config/vm_config.h"
#include "hv/vcpu.h"
#include "inspect/aarch64/complete.h"
#include "machine/irqchip.h"
#include "memory/guest_memory.h"
#include "vmm/outcome.h"

namespace pv::vmm {

class Undescribed {
 public:
  // All outlive this. `chip` says which addresses the kernel keeps to itself.
  Undescribed(bus::Bus& mmio, memory::GuestMemory& ram, const machine::IrqChip& chip, unsigned cpus,
              config::Nisv refused, Log& log);

  struct Handled {
    std::optional<Outcome> end;   // the VM ends so
    std::optional<u64> moved_to;  // single-stepping: the instruction is over, the vCPU stands here
  };
  // On the vCPU's thread.
  Handled handle(hv::Vcpu& vcpu, const hv::Nisv& exit);

 private:
  struct KernelRange {
    const char* name;
    u64 base, size;
  };
  // How often one instruction has been entered again without a cause being found; of one vCPU.
  struct Attempts {
    u64 pc = 0;
    u32 count = 0;
  };
  class Guest;

  Handled refuse(hv::Vcpu& vcpu, const hv::Nisv& exit, const inspect::aarch64::Completion& refused);
  static Handled moved(hv::Vcpu& vcpu);
  bool again(unsigned cpu, u64 pc);

  bus::Bus& mmio_;
  memory::GuestMemory& ram_;
  std::vector<KernelRange> kernel_;
  std::vector<Attempts> attempts_;  // each touched by its vCPU's thread alone
  config::Nisv refused_;
  Log& log_;
  Throttle refusals_{5}, stray_{5};
};

}  // namespace pv::vmm
