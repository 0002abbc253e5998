// The SBI calls that KVM leaves to us: the debug console (RISC-V SBI 2.0, chapter 12). System reset
// comes as a system event of its own; everything else is the kernel's.
#pragma once

#include "device/ports.h"
#include "hv/exit.h"
#include "machine/machine.h"
#include "memory/guest_memory.h"

namespace pv::machine::riscv64 {

class SbiConsole {
 public:
  explicit SbiConsole(memory::GuestMemory& ram, device::CharSink& out) : ram_(ram), out_(out) {}

  // Answers a call on the vCPU's thread. Reading gives nothing: the UART is where input arrives.
  Machine::CallResult call(const hv::Hypercall& call);

 private:
  Machine::CallResult write(u64 bytes, u64 address);

  memory::GuestMemory& ram_;
  device::CharSink& out_;
};

}  // namespace pv::machine::riscv64
