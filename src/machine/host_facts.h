// What a machine has to know about the host's KVM before it can describe itself: plain data that
// kvm/ fills in and unit tests make up.
#pragma once

#include <array>
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
  u32 timebase_hz = 0;  // of powerpc too
  u32 cbom_block = 0;
  u32 cboz_block = 0;
  u32 aia_ids = 0;  // interrupt identities of the in-kernel IMSICs

  // powerpc: versions as the guest reads them, the instructions of a hypercall (all 0: none) and
  // whether EV_IDLE is one, clock rates (the timebase is `timebase_hz`) and bytes in a cache line.
  u32 processor_version = 0;
  u32 system_version = 0;
  std::array<u32, 4> hypercall{};
  bool hypercall_idle = false;
  u32 clock_hz = 0;
  u32 cache_line = 0;
  bool guests_64_bits = true;  // processor and host kernel both have 64 bits

  // x86_64
  u32 tsc_khz = 0;
  u64 apic_bus_hz = 0;
  bool software_virtualised = false;  // KVM without VMX or SVM (KVM-PVM): ring 0 is emulated
};

}  // namespace pv::machine
