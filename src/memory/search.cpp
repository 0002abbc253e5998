#include "memory/search.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace pv::memory {
namespace {

constexpr usize batch = 4096;  // pages that the host is asked about at once

// One region's part of the search.
class Sweep {
 public:
  Sweep(const HostRegion& region, Bytes pattern, const SearchLimits& limits, SearchResult& result)
      : region_(region),
        pattern_(pattern),
        limits_(limits),
        result_(result),
        page_(static_cast<u64>(::sysconf(_SC_PAGESIZE))) {}

  // [from, to) are offsets in the region. False: a limit was reached.
  bool run(u64 from, u64 to) {
    u64 at = from;
    while (at < to) {
      const u64 begin = align_down(at, page_);
      const u64 pages =
          std::min<u64>(batch, (std::min(to, region_.guest.size) - begin + page_ - 1) / page_);
      std::array<unsigned char, batch> there;
      // A host that cannot tell has everything.
      if (::mincore(region_.host + begin, static_cast<usize>(pages * page_), there.data()) != 0)
        there.fill(1);
      for (u64 i = 0; i < pages;) {
        u64 end = i;
        while (end < pages && (there[static_cast<usize>(end)] & 1) != 0) ++end;
        if (end != i && !look(std::max(at, begin + i * page_), std::min(to, begin + end * page_)))
          return false;
        i = std::max(end, i + 1);
      }
      passed_ += pages * page_;
      at = begin + pages * page_;
      result_.next = region_.guest.base.value() + std::min(at, to);
      if (passed_ >= limits_.passed && at < to) return false;
    }
    return true;
  }

 private:
  // Memory that is there; a match may reach back into the piece before.
  bool look(u64 from, u64 to) {
    if (from != end_of_last_) run_begin_ = from;
    end_of_last_ = to;
    u64 at = from - std::min<u64>(from - run_begin_, pattern_.size() - 1);
    while (to - at >= pattern_.size()) {
      const u64 room = limits_.examined - result_.examined;
      const u64 size = std::min(to - at, std::max<u64>(room, pattern_.size()));
      const u8* here = region_.host + at;
      const void* hit = ::memmem(here, static_cast<usize>(size), pattern_.data(), pattern_.size());
      const u64 seen = hit == nullptr ? size - (pattern_.size() - 1)
                                      : static_cast<u64>(static_cast<const u8*>(hit) - here) + 1;
      if (hit != nullptr) result_.found.push_back(region_.guest.base.value() + at + seen - 1);
      at += seen;
      result_.examined += seen;
      if (result_.found.size() >= limits_.found || result_.examined >= limits_.examined) {
        result_.next = region_.guest.base.value() + at;
        return false;
      }
    }
    return true;
  }

  const HostRegion& region_;
  Bytes pattern_;
  const SearchLimits& limits_;
  SearchResult& result_;
  u64 page_;
  u64 passed_ = 0, run_begin_ = 0, end_of_last_ = ~u64{0};
};

}  // namespace

SearchResult search(const GuestMemory& memory, GuestRange range, Bytes pattern,
                    const SearchLimits& limits) {
  SearchResult result;
  const u64 first = range.base.value(), last = range.end();
  result.next = last;
  if (pattern.empty() || pattern.size() > 64) return result;
  std::vector<const HostRegion*> regions;
  for (usize i = 0; i < memory.region_count(); ++i) regions.push_back(&memory.region(i));
  std::ranges::sort(regions, {}, [](const HostRegion* one) { return one->guest.base; });
  for (const HostRegion* region : regions) {
    if (!region->guest.overlaps(range)) continue;
    const u64 base = region->guest.base.value();
    const u64 from = std::max(first, base) - base;
    const u64 to = std::min(last, region->guest.end()) - base;
    if (!Sweep(*region, pattern, limits, result).run(from, to)) return result;
  }
  result.next = last;
  return result;
}

}  // namespace pv::memory
