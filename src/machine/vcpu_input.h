// VcpuInput: a vCPU's external interrupt input, driven by an interrupt controller of our own.
#pragma once

#include "device/external_interrupt.h"
#include "hv/vcpu.h"

namespace pv::machine {

class VcpuInput final : public device::ExternalInterrupt {
 public:
  explicit VcpuInput(hv::Vcpu& vcpu) : vcpu_(vcpu) {}
  void set(bool level) override { vcpu_.set_external_interrupt(level); }

 private:
  hv::Vcpu& vcpu_;
};

}  // namespace pv::machine
