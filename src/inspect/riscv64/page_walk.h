// riscv64's first stage of translation: Sv39, Sv48, Sv57, as VS-mode and VU-mode see it.
//
// Specification: The RISC-V Instruction Set Manual, volume II, privileged architecture 20240411,
// 11.1.11 (satp), 11.3 to 11.6 (Sv32 to Sv57), Svnapot, Svpbmt. Deliberately absent: Sv32, the
// second stage, pointer masking, updates of the accessed and dirty bits.
#pragma once

#include "inspect/page_walk.h"

namespace pv::inspect::riscv64 {

struct TranslationRegisters {
  u64 satp = 0;
  u64 sstatus = 0;  // MXR makes executable pages readable, SUM user's pages the kernel's
};

class Walk final : public PageWalk {
 public:
  // `read` outlives this.
  Walk(const TranslationRegisters& registers, const ReadPhysical& read)
      : registers_(registers), read_(read) {}
  Result<Translation> translate(u64 address, Steps* steps = nullptr) const override;

 private:
  TranslationRegisters registers_;
  const ReadPhysical& read_;
};

}  // namespace pv::inspect::riscv64
