// The geometry of the TLB that a Book3E vCPU shares with us: TLB0's entries come first.
#pragma once

#include "base/types.h"

namespace pv::kvm {

inline constexpr u32 tlb0_entries = 512, tlb0_ways = 4;

}  // namespace pv::kvm
