// Completing a device access that the processor did not describe (ESR_EL2.ISV = 0), as KVM hands it
// over by KVM_EXIT_ARM_NISV: the instruction is fetched through the guest's page tables, decoded,
// and done by hand.
//
// Specification: Arm ARM DDI 0487J, C4.1.94, C6.2, C7.2; D19.2.40 "ISS encoding for a Data Abort";
// Documentation/virt/kvm/api.rst, KVM_EXIT_ARM_NISV.
// What the architecture leaves open is chosen here: an element is accessed at once if it has up to
// 8 bytes within a page, a 16-byte one as two halves, lower address first, one that crosses a page
// byte by byte; registers of a pair in order. A load into its own base register keeps what was
// loaded; a store of it stores the old value; a pair loaded into one register keeps the second.
// Deliberately absent: AArch32, EL2, atomicity, single-copy atomicity of 16 bytes, tag checks.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "hv/registers.h"
#include "inspect/aarch64/exception.h"

namespace pv::inspect::aarch64 {

// What an access finds at a guest-physical address. Values are those that a little-endian CPU would
// see of the same bytes.
class Physical {
 public:
  virtual ~Physical() = default;
  // False: not all of it is RAM, and nothing was done.
  virtual bool read_ram(u64 address, MutableBytes into) = 0;
  virtual bool write_ram(u64 address, Bytes from) = 0;
  // `bytes` is 1, 2, 4 or 8.
  virtual u64 read_device(u64 address, unsigned bytes) = 0;
  virtual void write_device(u64 address, unsigned bytes, u64 value) = 0;
  // The name of what the kernel emulates at this address, out of our reach; or none.
  virtual const char* in_kernel(u64 address) = 0;
};

// KVM_EXIT_ARM_NISV.
struct Undescribed {
  u64 syndrome = 0;  // of ESR_EL2's ISS only WnR (bit 6) is used
  u64 address = 0;   // guest-physical, of a byte that was accessed
};

struct Completion {
  enum class Kind : u8 {
    done,     // the access happened; the vCPU stands behind it
    again,    // what stands there now did not cause this: enter the guest once more
    faulted,  // the guest has been given an exception that the access would have caused
    refused,  // nothing happened: `reason` says why
  };
  Kind kind = Kind::done;
  u64 pc = 0;
  u32 instruction = 0;
  std::string reason;              // refused: "ldxr is an exclusive load or store"
  std::optional<DataAbort> abort;  // refused: what the guest can be told, if it can
};

// Errors (host): a register cannot be read or written.
Result<Completion> complete(const Undescribed& exit, Registers& registers, Physical& memory);

}  // namespace pv::inspect::aarch64
