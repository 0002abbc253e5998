#include "inspect/powerpc/page_walk.h"

#include "base/text.h"

namespace pv::inspect::powerpc {
namespace {

constexpr u64 msr_cm = 1ull << 31, msr_is = 1 << 5, msr_ds = 1 << 4;
constexpr u32 valid = 1u << 31, ts = 1 << 12;
constexpr u64 ux = 1 << 5, sx = 1 << 4, uw = 1 << 3, sw = 1 << 2, ur = 1 << 1, sr = 1;
constexpr u64 guarded = 1 << 1, inhibited = 1 << 3;

// 2^TSIZE KiB (MMU V2); e500v2's sizes are powers of 4, coded so that the same bits give the same
// size.
u64 size_of(const hv::TlbEntry& entry) { return 1ull << ((entry.mas1 >> 7 & 0x1f) + 10); }

}  // namespace

Walk::Walk(std::span<const hv::TlbEntry> tlb, u64 msr, u64 pid, bool data)
    : tlb_(tlb.begin(), tlb.end()),
      wide_((msr & msr_cm) != 0),
      space_((msr & (data ? msr_ds : msr_is)) != 0),
      pid_(static_cast<u32>(pid & 0x3fff)) {}

const hv::TlbEntry* Walk::find(u64 address, bool space) const {
  for (const auto& entry : tlb_) {
    if ((entry.mas1 & valid) == 0 || ((entry.mas1 & ts) != 0) != space) continue;
    u32 tid = entry.mas1 >> 16 & 0x3fff;
    if (tid != 0 && tid != pid_) continue;
    u64 mask = ~(size_of(entry) - 1);
    u64 page = wide_ ? entry.mas2 : entry.mas2 & 0xffff'ffff;
    if (((page ^ address) & mask) == 0) return &entry;
  }
  return nullptr;
}

Result<Translation> Walk::translate(u64 address, Steps* steps) const {
  if (!wide_) address &= 0xffff'ffff;
  const hv::TlbEntry* entry = find(address, space_);
  if (entry == nullptr) entry = find(address, !space_);
  if (entry == nullptr)
    return fail(Error::Kind::image,
                text("{:#x} is in none of the guest's TLB entries (PID {})", address, pid_));
  if (steps != nullptr) steps->add({0, entry->mas2, entry->mas7_3});
  u64 size = size_of(*entry);
  u64 permissions = entry->mas7_3;
  return Translation{(permissions & ~u64{0xfff} & ~(size - 1)) | (address & (size - 1)),
                     size,
                     {(permissions & sr) != 0, (permissions & sw) != 0, (permissions & sx) != 0},
                     {(permissions & ur) != 0, (permissions & uw) != 0, (permissions & ux) != 0},
                     (entry->mas2 & (guarded | inhibited)) != 0};
}

}  // namespace pv::inspect::powerpc
