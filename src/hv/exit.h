// Why a vCPU came back from the guest: every cause that any architecture's KVM reports, in terms
// that do not depend on the architecture (KVM API, Documentation/virt/kvm/api.rst, section 5).
#pragma once

#include <array>
#include <optional>
#include <span>
#include <variant>

#include "base/types.h"
#include "bus/mmio_device.h"
#include "hv/debug.h"
#include "memory/guest_address.h"

namespace pv::hv {

using bus::Width;
using memory::GuestAddress;

// Answered with Vcpu::complete_read().
struct MmioRead {
  GuestAddress address;
  Width width;
};
struct MmioWrite {
  GuestAddress address;
  Width width;
  u64 value;
};
// x86 port I/O; `data` holds count items of `width` for string instructions and stays valid until
// the next run(). For a read the monitor fills it.
struct Pio {
  u16 port;
  Width width;
  bool is_write;
  std::span<u8> data;
};
// A call that the kernel left to us (SBI extensions forwarded by riscv64's KVM, SMCCC ranges,
// ePAPR). Answered with Vcpu::complete_call().
struct Hypercall {
  u64 extension;
  u64 function;
  std::array<u64, 6> arguments;
};
// aarch64: a data abort outside RAM whose syndrome does not describe the access.
struct Nisv {
  u64 syndrome;
  GuestAddress address;
};
// The guest accessed a device in a way that this host's KVM does not emulate (misaligned, or by an
// instruction that it cannot decode): KVM_RUN itself failed. On powerpc: a privileged instruction
// that KVM does not know, for which it has given the guest a Program interrupt.
struct Unemulated {
  u64 pc;
  bool delivered = false;  // the guest was told by an exception and goes on
  u32 instruction = 0;     // where it was delivered
};
// What hv/debug.h's DebugControl asked for; also a guest's own breakpoint instruction while
// software breakpoints are on.
struct Debug {
  u64 pc;
  DebugCause cause = DebugCause::unknown;
  u64 address = 0;               // watch: of the access, where the host tells
  std::optional<u32> slot = {};  // which of DebugControl::hardware, where the host tells
};
// The hardware or KVM refused to enter the guest.
struct FailEntry {
  u64 reason;
};
// KVM cannot go on with this vCPU (emulation failure, unexpected exit); data as KVM gave it.
struct InternalError {
  u32 suberror;
  std::array<u64, 4> data;
};
struct SystemEvent {
  enum class Type : u8 { shutdown, reset, crash, suspend };
  Type type;
  u64 detail;
};
// x86: triple fault. The vCPU cannot continue.
struct TripleFault {};
// The vCPU halted and the interrupt controller is ours (no in-kernel one to wait in).
struct Halted {};
// A signal or kick() ended the run; nothing to do for the guest.
struct Interrupted {};
// A cause that this table does not know.
struct Unknown {
  u32 reason;
};

using Exit = std::variant<MmioRead, MmioWrite, Pio, Hypercall, Nisv, Unemulated, Debug, FailEntry,
                          InternalError, SystemEvent, TripleFault, Halted, Interrupted, Unknown>;

// The causes' names in the order of the variant, for --exit-stats and logs.
constexpr std::array<const char*, std::variant_size_v<Exit>> exit_names = {
    "mmio-read",    "mmio-write", "pio",         "hypercall",      "nisv",
    "unemulated",   "debug",      "fail-entry",  "internal-error", "system-event",
    "triple-fault", "halted",     "interrupted", "unknown"};

}  // namespace pv::hv
