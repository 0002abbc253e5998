#include "inspect/address_space.h"

#include "inspect/aarch64/page_walk.h"
#include "inspect/powerpc/page_walk.h"
#include "inspect/riscv64/page_walk.h"
#include "inspect/x86_64/page_walk.h"

namespace pv::inspect {

std::unique_ptr<PageWalk> address_space(const hv::RegisterFile& registers,
                                        const ReadPhysical& read) {
  auto r = [&](std::string_view name) { return registers.get_or(name, 0); };
  switch (registers.arch) {
    case Arch::aarch64:
      return std::make_unique<aarch64::Walk>(
          aarch64::TranslationRegisters{.sctlr_el1 = r("sctlr_el1"),
                                        .tcr_el1 = r("tcr_el1"),
                                        .ttbr0_el1 = r("ttbr0_el1"),
                                        .ttbr1_el1 = r("ttbr1_el1"),
                                        .mair_el1 = r("mair_el1")},
          read);
    case Arch::riscv64:
      return std::make_unique<riscv64::Walk>(
          riscv64::TranslationRegisters{.satp = r("satp"), .sstatus = r("sstatus")}, read);
    case Arch::powerpc: return std::make_unique<powerpc::Walk>(registers.tlb, r("msr"), r("pid"));
    case Arch::x86_64:
      return std::make_unique<x86_64::Walk>(
          x86_64::TranslationRegisters{
              .cr0 = r("cr0"), .cr3 = r("cr3"), .cr4 = r("cr4"), .efer = r("efer")},
          read);
  }
  return nullptr;
}

}  // namespace pv::inspect
