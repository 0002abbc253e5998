// ReceiveFifo: the receive side that both UARTs share. A ring of at most 32 characters, each
// with a break mark; `depth` is what the guest has configured (1 with FIFOs off).
#pragma once

#include <array>

#include "base/serialize.h"
#include "base/types.h"

namespace pv::device {

class ReceiveFifo {
 public:
  struct Entry {
    u8 byte = 0;
    bool is_break = false;
  };
  static constexpr u32 capacity = 32;

  u32 size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear() { size_ = 0; }

  // The caller has checked that size() is below capacity.
  void push(Entry entry) {
    entries_[(head_ + size_) % capacity] = entry;
    ++size_;
  }
  // The caller has checked that it is not empty.
  Entry& front() { return entries_[head_]; }
  const Entry& front() const { return entries_[head_]; }
  Entry pop() {
    const Entry entry = entries_[head_];
    head_ = (head_ + 1) % capacity;
    --size_;
    return entry;
  }
  bool any_break() const {
    for (u32 i = 0; i < size_; ++i)
      if (entries_[(head_ + i) % capacity].is_break) return true;
    return false;
  }

  void save(StateWriter& out) const {
    out.put8(static_cast<u8>(size_));
    for (u32 i = 0; i < size_; ++i) {
      const Entry& entry = entries_[(head_ + i) % capacity];
      out.put8(entry.byte);
      out.put_bool(entry.is_break);
    }
  }
  // False when the state holds more than `limit` characters; the fifo is then unusable.
  bool restore(StateReader& in, u32 limit) {
    const u32 count = in.get8();
    if (count > limit || count > capacity) return false;
    head_ = size_ = 0;
    for (u32 i = 0; i < count; ++i) {
      const u8 byte = in.get8();
      const bool is_break = in.get_bool();
      push({byte, is_break});
    }
    return !in.bad();
  }

 private:
  std::array<Entry, capacity> entries_{};
  u32 head_ = 0;
  u32 size_ = 0;
};

}  // namespace pv::device
