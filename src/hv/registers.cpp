#include "hv/registers.h"

#include "hv/registers/aarch64.h"
#include "hv/registers/powerpc.h"
#include "hv/registers/riscv64.h"
#include "hv/registers/x86_64.h"

namespace pv::hv {

RegisterTable register_table(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return aarch64_registers;
    case Arch::riscv64: return riscv64_registers;
    case Arch::powerpc: return powerpc_registers;
    case Arch::x86_64: return x86_64_registers;
  }
  return {};
}

}  // namespace pv::hv
