#include "inspect/next_pc.h"

namespace pv::inspect {

Result<NextPc> next_pc(const hv::RegisterFile& registers, const Fetch& fetch) {
  switch (registers.arch) {
    case Arch::riscv64: return riscv64::next_pc(registers, fetch);
    case Arch::powerpc: return powerpc::next_pc(registers, fetch);
    case Arch::aarch64:
    case Arch::x86_64: break;
  }
  return fail(Error::Kind::usage, "this host cannot step a guest");
}

}  // namespace pv::inspect
