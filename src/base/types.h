// The vocabulary that every layer speaks: sized integers under short names.
// base/ is the one layer whose names live directly in pv (see ARCHITECTURE.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pv {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
using usize = std::size_t;

using Bytes = std::span<const u8>;
using MutableBytes = std::span<u8>;

inline namespace literals {
constexpr u64 operator""_KiB(unsigned long long n) { return u64{n} << 10; }
constexpr u64 operator""_MiB(unsigned long long n) { return u64{n} << 20; }
constexpr u64 operator""_GiB(unsigned long long n) { return u64{n} << 30; }
}  // namespace literals

// Rounds up or down to a power of two. The caller has checked that the sum does not wrap.
constexpr u64 align_up(u64 value, u64 to) { return (value + to - 1) & ~(to - 1); }
constexpr u64 align_down(u64 value, u64 to) { return value & ~(to - 1); }
constexpr bool is_aligned(u64 value, u64 to) { return (value & (to - 1)) == 0; }

}  // namespace pv
