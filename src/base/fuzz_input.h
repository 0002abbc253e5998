// FuzzInput: a fuzzer's bytes as a list of choices. Past the end everything reads as zero.
#pragma once

#include <algorithm>

#include "base/types.h"

namespace pv {

class FuzzInput {
 public:
  explicit FuzzInput(Bytes bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  // A number of `bytes` bytes (at most 8), little-endian.
  u64 take(usize bytes) {
    u64 value = 0;
    for (usize i = 0; i < bytes && !rest_.empty(); ++i, rest_ = rest_.subspan(1))
      value |= u64{rest_.front()} << (8 * i);
    return value;
  }
  u8 byte() { return static_cast<u8>(take(1)); }
  u16 half() { return static_cast<u16>(take(2)); }
  u32 word() { return static_cast<u32>(take(4)); }
  // The next bytes as they are: fewer than `count` at the end.
  Bytes take_bytes(usize count) {
    const Bytes out = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(out.size());
    return out;
  }

 private:
  Bytes rest_;
};

}  // namespace pv
