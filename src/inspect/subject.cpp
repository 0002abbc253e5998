#include "inspect/subject.h"

#include <algorithm>

namespace pv::inspect {

// By copying everything out: for subjects that know nothing quicker.
Hits Subject::find_physical(Bytes pattern, usize most, const std::function<bool()>& go_on,
                            const Range& within) {
  constexpr u64 chunk = 64_KiB;
  Hits hits;
  std::vector<u8> bytes;
  for (const Range& ram : facts().ram) {
    const Range range = common(ram, within);
    for (u64 at = 0; at < range.size; at += chunk) {
      if (hits.at.size() >= most || !go_on()) {
        hits.whole = false;
        return hits;
      }
      // With the next chunk's begin, so that nothing hides between two.
      bytes.resize(static_cast<usize>(std::min(chunk + pattern.size() - 1, range.size - at)));
      if (!read_physical(range.begin + at, bytes)) continue;
      hits.examined += std::min<u64>(chunk, bytes.size());
      for (auto from = bytes.begin(); hits.at.size() < most;) {
        from = std::search(from, bytes.end(), pattern.begin(), pattern.end());
        if (from == bytes.end()) break;
        hits.at.push_back(range.begin + at + static_cast<u64>(from - bytes.begin()));
        ++from;
      }
    }
  }
  return hits;
}

}  // namespace pv::inspect
