// The page walk that a vCPU's registers ask for, whatever its architecture: for who looks into a
// guest by virtual address (gdb, diagnosis) and has a RegisterFile with the system group.
#pragma once

#include <memory>

#include "hv/registers.h"
#include "inspect/page_walk.h"

namespace pv::inspect {

// `read` outlives the walk; the registers are copied. What is not known of them counts as 0, which
// is "no translation" but on powerpc, where an empty TLB maps nothing.
std::unique_ptr<PageWalk> address_space(const hv::RegisterFile& registers,
                                        const ReadPhysical& read);

}  // namespace pv::inspect
