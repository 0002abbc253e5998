// Debugging a vCPU through the hypervisor: what may stop it, why it stopped, what the host can do
// (Documentation/virt/kvm/api.rst, KVM_SET_GUEST_DEBUG and KVM_EXIT_DEBUG).
#pragma once

#include <array>
#include <vector>

#include "base/types.h"

namespace pv::hv {

struct HardwareBreakpoint {
  enum class Kind : u8 { execute, write, read, access };
  Kind kind = Kind::execute;
  u64 address = 0;  // guest virtual
  u64 length = 1;   // bytes that are watched; not for execute
  bool operator==(const HardwareBreakpoint&) const = default;
};

// What the next runs obey; the default is "not debugged".
struct DebugControl {
  bool enabled = false;
  bool single_step = false;
  bool software_breakpoints = false;  // the guest's breakpoint instruction comes to us
  bool hold_interrupts = false;       // none is taken during the step, where the host can do that
  std::vector<HardwareBreakpoint> hardware;
  bool operator==(const DebugControl&) const = default;
};

// What the host says that it can. Some say more than is true (riscv64's Linux 6.12 accepts
// everything and ignores most of it): whoever relies on it probes.
struct DebugLimits {
  bool available = false;
  bool single_step = false;
  bool software_breakpoints = false;
  u32 breakpoints = 0;  // hardware ones
  u32 watchpoints = 0;
  // The instruction that a software breakpoint is, in memory order, and its length in bytes.
  std::array<u8, 4> instruction{};
  u32 instruction_size = 0;
};

// Why a vCPU stopped in the debugger's favour.
enum class DebugCause : u8 { unknown, step, software, hardware, watch };

}  // namespace pv::hv
