// Integers of a stated byte order for structures that live in guest memory or in files.
// Storage is bytes (no alignment, no padding); conversion is memcpy plus byteswap, which compilers
// turn into one instruction.
#pragma once

#include <bit>
#include <cstring>

#include "base/types.h"

namespace pv {

template <class T, std::endian order>
class Endian {
 public:
  constexpr Endian() = default;
  constexpr Endian(T value) { *this = value; }  // NOLINT: meant to convert
  constexpr Endian& operator=(T value) {
    bytes_ = std::bit_cast<Storage>(swap(value));
    return *this;
  }
  constexpr operator T() const { return swap(std::bit_cast<T>(bytes_)); }  // NOLINT

 private:
  struct Storage {
    u8 byte[sizeof(T)];
  };
  static constexpr T swap(T value) {
    return order == std::endian::native ? value : std::byteswap(value);
  }
  Storage bytes_{};
};

using Le16 = Endian<u16, std::endian::little>;
using Le32 = Endian<u32, std::endian::little>;
using Le64 = Endian<u64, std::endian::little>;
using Be16 = Endian<u16, std::endian::big>;
using Be32 = Endian<u32, std::endian::big>;
using Be64 = Endian<u64, std::endian::big>;
static_assert(sizeof(Le64) == 8 && alignof(Le64) == 1);

// Reads a T from `bytes` at `offset` without alignment; the caller has checked the bounds.
template <class T>
T load_as(Bytes bytes, usize offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace pv
