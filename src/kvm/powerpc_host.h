// What KVM on a Book3E host must offer, asked through functions so that a test can play a host that
// lacks something: capabilities (Documentation/virt/kvm/api.rst, KVM_CHECK_EXTENSION), and which
// MPIC the kernel makes (virt/kvm/devices/mpic.rst). Compiled on every host.
#pragma once

#include <functional>

#include "base/fd.h"
#include "base/result.h"
#include "base/types.h"

namespace pv::kvm {

// Whether the host has a capability, by its KVM_CAP number.
using HasCapability = std::function<bool(int)>;
// Errors: no KVM for Book3E, none with an interrupt controller, none that routes interrupts.
Result<void> check_booke_host(const HasCapability& has);

struct MpicDevice {
  Fd fd;
  u32 sources = 0;  // interrupt sources, which are its GSIs
};
// Version 4.2, where the kernel has none 2.0. `create` makes a device by its KVM_DEV_TYPE; an
// invalid descriptor says, with errno, that it cannot.
Result<MpicDevice> create_mpic(const std::function<Fd(u32)>& create);

}  // namespace pv::kvm
