// Giving a guest's EL1 an exception, as the processor would: Arm ARM DDI 0487J, D1.3 "Exceptions",
// AArch64.TakeException; ESR_EL1 by D19.2.40.
// Deliberately absent: other exceptions, EL2, memory tags (TCO), non-maskable interrupts.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/types.h"
#include "hv/registers/aarch64.h"

namespace pv::inspect::aarch64 {

// The place of a register in hv::aarch64_registers.
consteval usize place(std::string_view name) {
  for (usize i = 0; i < hv::aarch64_registers.size(); ++i)
    if (name == hv::aarch64_registers[i].name) return i;
  return hv::aarch64_registers.size();
}

// A stopped vCPU's registers, by their place in hv::aarch64_registers.
class Registers {
 public:
  virtual ~Registers() = default;
  virtual Result<hv::RegisterValue> read(usize place) = 0;
  virtual Result<void> write(usize place, hv::RegisterValue value) = 0;
};

// Fault status codes that no page walk gives.
inline constexpr u32 external_abort = 0x10, unsupported_exclusive = 0x35;

struct DataAbort {
  u32 status = external_abort;  // DFSC
  bool write = false;
  std::optional<u64> address;  // virtual; unknown only with external_abort
};

// A BRK instruction that is the guest's own.
struct Breakpoint {
  u16 comment = 0;  // of the instruction
};

// From here the guest runs its handler. Errors (host): a register cannot be read or written.
Result<void> take(const DataAbort& abort, Registers& registers);
Result<void> take(const Breakpoint& breakpoint, Registers& registers);

}  // namespace pv::inspect::aarch64
