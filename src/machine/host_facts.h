// What a machine has to know about the host's KVM before it can describe itself: plain data that
// kvm/ fills in and unit tests make up.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"

namespace pv::machine {

struct HostFacts {
  // aarch64
  u32 gic_maintenance_irq = 0;

  // riscv64: extensions beyond the single letters in canonical order ("sstc", "zbb", ...), the
  // single letters ("imafdc"), MMU mode by satp ("sv39"; empty when unknown) and sizes in bytes.
  std::string isa_letters;
  std::vector<std::string> isa_extensions;
  std::string mmu;
  u32 timebase_hz = 0;
  u32 cbom_block = 0;
  u32 cboz_block = 0;
  u32 aia_ids = 0;  // interrupt identities of the in-kernel IMSICs

  // x86_64
  u32 tsc_khz = 0;
  u64 apic_bus_hz = 0;
  bool software_virtualised = false;  // KVM without VMX or SVM (KVM-PVM): ring 0 is emulated
};

}  // namespace pv::machine
