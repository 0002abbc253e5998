// Call chains by frame pointers: aarch64 and x86_64 {previous frame, return address} at the frame
// pointer, riscv64 the same below it, powerpc the back chain with the return address in the
// caller's frame. Code without frame pointers gives a short or wrong chain. Everything is bounded:
// frames belong to the guest.
#pragma once

#include <string>
#include <vector>

#include "inspect/diagnosis/scene.h"

namespace pv::inspect {

// Innermost first: "name+0x1c (0x...)" .
std::vector<std::string> unwind(const Scene& scene);

}  // namespace pv::inspect
