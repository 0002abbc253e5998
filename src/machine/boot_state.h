// What a vCPU starts with, whatever its architecture. kvm/ translates it into ioctls.
#pragma once

#include <variant>

#include "machine/aarch64/boot_state.h"
#include "machine/powerpc/boot_state.h"
#include "machine/riscv64/boot_state.h"
#include "machine/x86_64/boot_state.h"

namespace pv::machine {

using BootState =
    std::variant<aarch64::BootState, riscv64::BootState, powerpc::BootState, x86_64::BootState>;

}  // namespace pv::machine
