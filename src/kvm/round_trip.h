// Registers written into a vCPU and read back: what snapshots, gdb and the diagnosis stand on. For
// `polyvisor selftest`.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace pv::kvm {

struct RoundTrip {
  usize read = 0;                  // registers that this host shows
  usize patterned = 0;             // general ones that took a pattern and gave it back
  usize rewritten = 0;             // those that took their own value again
  usize refused = 0;               // those that cannot be written
  std::vector<std::string> wrong;  // "x5: wrote 0x1, read 0x0"
};

// Makes a VM with one vCPU that does not run. Errors: it cannot be made, or shows no registers.
Result<RoundTrip> round_trip_registers();

}  // namespace pv::kvm
