#include "cli/suggest.h"

#include <algorithm>

namespace pv::cli {

usize edit_distance(std::string_view a, std::string_view b) {
  constexpr usize limit = 32;
  if (a.size() >= limit || b.size() >= limit) return limit;
  usize d[limit][limit];
  for (usize i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (usize j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (usize i = 1; i <= a.size(); ++i)
    for (usize j = 1; j <= b.size(); ++j) {
      const usize change = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

void Nearest::offer(std::string_view known) {
  // One mistake in three letters is a slip; more is another word.
  const usize allowed = std::min<usize>(3, std::max(known.size(), misspelt_.size()) / 3);
  const usize distance = edit_distance(misspelt_, known);
  // One that was begun but not finished, or written out, is meant, too ("init" for "initrd",
  // "memory" for "mem").
  const bool begun = (misspelt_.size() >= 3 && known.starts_with(misspelt_)) ||
                     (known.size() >= 3 && misspelt_.starts_with(known));
  if ((distance > allowed && !begun) || distance >= distance_) return;
  distance_ = distance;
  found_ = known;
}

}  // namespace pv::cli
