// x86's translation: from a linear address, by the CPU's mode: none, 32-bit, PAE, 4 or 5 levels.
// A linear address is the effective one plus the segment's base, which is 0 in 64-bit mode.
//
// Specification: Intel SDM volume 3A, chapter 4 (tables 4-1 to 4-20). Deliberately absent: EPT,
// protection keys, SMEP and SMAP (rights are the tables'), PSE-36, CR3's PAE registers as loaded
// (read from memory instead), reserved bits above the physical address width.
#pragma once

#include "inspect/page_walk.h"

namespace pv::inspect::x86_64 {

struct TranslationRegisters {
  u64 cr0 = 0, cr3 = 0, cr4 = 0, efer = 0;
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

}  // namespace pv::inspect::x86_64
