// Book3E's translation: there are no tables that the CPU walks, the TLB itself is the guest's
// software's business. Its entries are what KVM shares with us (hv::RegisterFile::tlb): an address
// that the guest's TLB does not hold right now is unknown here, though its kernel could load it.
//
// Specification: Power ISA 2.06, Book III-E, 6.7 and 6.10.3 (MAS registers); EREF 2.0. Deliberately
// absent: LPIDs and external PIDs, PID1 and PID2 of e500v2 (Linux leaves them 0), page-table walk
// hardware of e6500.
#pragma once

#include <span>

#include "hv/registers.h"
#include "inspect/page_walk.h"

namespace pv::inspect::powerpc {

class Walk final : public PageWalk {
 public:
  // `data`: by MSR[DS], otherwise by MSR[IS]. `tlb` is copied.
  Walk(std::span<const hv::TlbEntry> tlb, u64 msr, u64 pid, bool data = true);
  // Tries the other address space where this one has nothing: a kernel's text and data differ
  // only inside interrupt handlers of some systems.
  Result<Translation> translate(u64 address, Steps* steps = nullptr) const override;

 private:
  const hv::TlbEntry* find(u64 address, bool space) const;

  std::vector<hv::TlbEntry> tlb_;
  bool wide_;  // MSR[CM]: 64-bit computation
  bool space_;
  u32 pid_;
};

}  // namespace pv::inspect::powerpc
