// "Did you mean": the known word nearest to a misspelt one, by the number of letters inserted, left
// out, changed or swapped with their neighbour (optimal string alignment distance).
#pragma once

#include <string_view>

#include "base/types.h"

namespace pv::cli {

class Nearest {
 public:
  explicit Nearest(std::string_view misspelt) : misspelt_(misspelt) {}
  void offer(std::string_view known);
  // The nearest word offered; empty when none is near enough to be meant.
  std::string_view found() const { return found_; }

 private:
  std::string_view misspelt_;
  std::string_view found_;
  usize distance_ = ~usize{0};
};

// Words of more than 31 letters are never near anything: the distance is then 32.
usize edit_distance(std::string_view a, std::string_view b);

}  // namespace pv::cli
