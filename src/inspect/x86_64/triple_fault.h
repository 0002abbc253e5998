// Why an x86_64 processor has shut down (Intel SDM volume 3, 6.15, double fault: an exception whose
// handler cannot be reached, then a double fault whose handler cannot be reached either), as far as
// registers and tables still show it.
//
// Absent: which exception came first; the processor does not keep it. AMD's SVM forgets the
// registers as well, and KVM resets them: then that is all that is said.
#pragma once

#include <string>

#include "hv/registers.h"
#include "inspect/page_walk.h"

namespace pv::inspect::x86_64 {

// One sentence without a full stop; never empty.
std::string explain_triple_fault(const hv::RegisterFile& cpu, const ReadPhysical& read);

}  // namespace pv::inspect::x86_64
