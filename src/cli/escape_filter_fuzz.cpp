// Any keys in any pieces: the pieces do not matter, and nothing is invented.
#include <cstdlib>

#include "cli/escape_filter.h"

using pv::cli::EscapeFilter;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  EscapeFilter whole, pieces;
  const auto at_once = whole.feed({data, size});
  std::vector<uint8_t> guest;
  bool help = false, leave = false;
  for (size_t i = 0; i < size && !leave; ++i) {
    auto one = pieces.feed({data + i, 1});
    guest.insert(guest.end(), one.guest.begin(), one.guest.end());
    help |= one.help;
    leave |= one.leave;
  }
  if (guest != at_once.guest || help != at_once.help || leave != at_once.leave) std::abort();
  if (guest.size() > size) std::abort();
  return 0;
}
