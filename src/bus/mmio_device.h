// What the bus calls. A device knows offsets, never addresses, and is written as if
// single-threaded: the bus holds the device's mutex around every access, and whoever else enters
// the device (the event loop with input, a saved state) takes the same mutex.
#pragma once

#include <bit>
#include <mutex>

#include "base/serialize.h"
#include "base/types.h"

namespace pv::bus {

enum class Width : u8 { byte = 1, half = 2, word = 4, dword = 8 };

constexpr u64 bytes(Width width) { return static_cast<u64>(width); }
// All bits that an access of this width carries.
constexpr u64 all_ones(Width width) {
  return width == Width::dword ? ~u64{0} : (u64{1} << (8 * bytes(width))) - 1;
}

// What a CPU of the other byte order sees of the same access: `value` has no bits above the width.
constexpr u64 byte_swapped(u64 value, Width width) {
  return std::byteswap(value) >> (64 - 8 * bytes(width));
}

struct Access {
  u64 offset;  // from the start of the device's range
  Width width;
  u32 cpu = 0;  // who asks, for registers that each CPU has of its own; 0 for a posted write
};

class MmioDevice : public Stateful {
 public:
  virtual ~MmioDevice() = default;
  // The value read, zero-extended; bits above the width are dropped by the bus.
  virtual u64 read(Access access) = 0;
  virtual void write(Access access, u64 value) = 0;

  std::mutex& mutex() { return mutex_; }

 private:
  std::mutex mutex_;
};

}  // namespace pv::bus
