// The ioctl requests that each kind of thread makes after the process has sealed itself, for the
// jail's filters. Hot ones first. Setting a VM up happens before.
#pragma once

#include <linux/kvm.h>

#include <array>

#include "base/types.h"

namespace pv::kvm {

// A vCPU's thread: running, raising its devices' interrupts, saying where it stopped.
inline constexpr auto vcpu_ioctls = std::to_array<u32>(
    {static_cast<u32>(KVM_RUN), static_cast<u32>(KVM_IRQ_LINE), static_cast<u32>(KVM_INTERRUPT),
     static_cast<u32>(KVM_GET_ONE_REG), static_cast<u32>(KVM_GET_REGS)});

// The loop's thread and its workers: devices' interrupts.
inline constexpr auto loop_ioctls =
    std::to_array<u32>({static_cast<u32>(KVM_IRQ_LINE), static_cast<u32>(KVM_INTERRUPT)});

}  // namespace pv::kvm
