// The ioctl requests that each kind of thread makes after the process has sealed itself, for the
// jail's filters. Hot ones first. Setting a VM up happens before.
#pragma once

#include <linux/kvm.h>

#include <array>
#include <cstddef>
#include <iterator>
#include <type_traits>

#include "base/types.h"

namespace pv::kvm {

// Spelt out: powerpc's header has no complete kvm_fpu for everyone, and kvm_msrs' size differs in
// C++.
inline constexpr u32 get_msrs = static_cast<u32>(_IOWR(KVMIO, 0x88, u64));  // KVM_GET_MSRS

// KVM_SET_GUEST_DEBUG. Its number holds the structure's size, and where an architecture's part of
// it is empty (riscv64), that is nothing in C and something in C++.
constexpr usize guest_debug_size =
    offsetof(kvm_guest_debug, arch) +
    (std::is_empty_v<kvm_guest_debug_arch> ? 0 : sizeof(kvm_guest_debug_arch));
inline constexpr u32 set_guest_debug =
    static_cast<u32>(_IOC(_IOC_WRITE, KVMIO, 0x9b, guest_debug_size));

// With PCI besides: messages; and, where a guest moves a BAR, the ioeventfds that go with it.
inline constexpr auto vcpu_pci_ioctls =
    std::to_array<u32>({static_cast<u32>(KVM_SIGNAL_MSI), static_cast<u32>(KVM_IOEVENTFD)});
inline constexpr auto loop_pci_ioctls = std::to_array<u32>({static_cast<u32>(KVM_SIGNAL_MSI)});

// A vCPU's thread: running, raising its devices' interrupts, reading the guest's state; writing it
// where an access was completed for the guest; ending a single-step that was begun before the seal.
// Reading a device's attributes: the MPIC's task priority, for the diagnosis.
inline constexpr auto vcpu_ioctls = std::to_array<u32>(
    {static_cast<u32>(KVM_RUN), static_cast<u32>(KVM_IRQ_LINE), static_cast<u32>(KVM_INTERRUPT),
     static_cast<u32>(KVM_GET_ONE_REG), static_cast<u32>(KVM_SET_ONE_REG),
     static_cast<u32>(KVM_GET_REGS), static_cast<u32>(KVM_GET_SREGS),
     static_cast<u32>(KVM_GET_MP_STATE), static_cast<u32>(KVM_GET_FPU), set_guest_debug,
     static_cast<u32>(KVM_GET_DEVICE_ATTR), get_msrs});

inline constexpr u32 set_msrs = static_cast<u32>(_IOW(KVMIO, 0x89, u64));  // KVM_SET_MSRS

// The same of a VM that was started with --gdb: all of its state may be written.
inline constexpr auto debugged_vcpu_ioctls = [] {
  constexpr u32 more[] = {static_cast<u32>(KVM_SET_REGS), static_cast<u32>(KVM_SET_SREGS),
                          static_cast<u32>(KVM_SET_FPU), set_msrs};
  std::array<u32, vcpu_ioctls.size() + std::size(more)> all{};
  usize n = 0;
  for (u32 request : vcpu_ioctls) all[n++] = request;
  for (u32 request : more) all[n++] = request;
  return all;
}();

// The loop's thread and its workers: devices' interrupts.
inline constexpr auto loop_ioctls =
    std::to_array<u32>({static_cast<u32>(KVM_IRQ_LINE), static_cast<u32>(KVM_INTERRUPT)});

}  // namespace pv::kvm
