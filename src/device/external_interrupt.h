// What an interrupt controller of our own (Plic, GicV2) drives: a CPU's interrupt input.
#pragma once

namespace pv::device {

// A hart's external interrupt input, a CPU's IRQ input (KVM: KVM_INTERRUPT set and unset,
// KVM_IRQ_LINE). Called from any thread, only on changes; must not call back.
class ExternalInterrupt {
 public:
  virtual ~ExternalInterrupt() = default;
  virtual void set(bool level) = 0;
};

}  // namespace pv::device
