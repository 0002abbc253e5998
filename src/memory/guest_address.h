// GuestAddress: a guest-physical address (GPA), a type of its own so that it cannot be mistaken for
// an offset, a size or a host pointer.
#pragma once

#include <compare>

#include "base/types.h"

namespace pv::memory {

class GuestAddress {
 public:
  constexpr GuestAddress() = default;
  constexpr explicit GuestAddress(u64 value) : value_(value) {}
  constexpr u64 value() const { return value_; }
  constexpr GuestAddress operator+(u64 offset) const { return GuestAddress(value_ + offset); }
  constexpr u64 operator-(GuestAddress other) const { return value_ - other.value_; }
  constexpr auto operator<=>(const GuestAddress&) const = default;

 private:
  u64 value_ = 0;
};

// A half-open range [base, base + size) of guest-physical addresses.
struct GuestRange {
  GuestAddress base;
  u64 size = 0;

  // Last byte + 1; the range's maker has checked that it does not wrap.
  constexpr u64 end() const { return base.value() + size; }
  constexpr bool overlaps(const GuestRange& other) const {
    return base.value() < other.end() && other.base.value() < end() && size != 0 && other.size != 0;
  }
  // Whether [address, address + length) lies inside; immune to wrapping lengths.
  constexpr bool contains(GuestAddress address, u64 length) const {
    if (address < base) return false;
    u64 offset = address - base;
    return offset <= size && length <= size - offset;
  }
};

}  // namespace pv::memory
