// Looking for bytes in guest RAM at the speed of memory: for who looks into a guest (its kernel's
// log, its table of names) without copying all of it.
//
// Pages that nothing has touched are passed over, so that a search costs what the guest uses and
// touches nothing on its own account; so are pages that the host has swapped out.
#pragma once

#include <vector>

#include "memory/guest_memory.h"

namespace pv::memory {

struct SearchResult {
  std::vector<u64> found;  // guest-physical addresses, ascending
  u64 examined = 0;        // bytes
  u64 next = 0;            // where to go on; the range's end when all of it was seen
};

struct SearchLimits {
  u64 examined = 8_MiB;  // of memory that is there
  u64 passed = 16_GiB;   // with what is not there
  usize found = 64;
};

// Where `pattern` (1 to 64 bytes) begins inside `range`, across adjacent pages of one region. What
// is not RAM in the range is passed over. The guest may write meanwhile.
SearchResult search(const GuestMemory& memory, GuestRange range, Bytes pattern,
                    const SearchLimits& limits);

}  // namespace pv::memory
