// Chain: one descriptor chain taken from a virtqueue, as checked pieces of guest RAM: first what
// the device reads, then what it writes (VIRTIO 1.2, 2.7.4.2). ChainReader and ChainWriter walk
// it byte-wise, because a driver may split its structures over descriptors as it likes (2.7.4).
//
// The pieces are bounds-checked copies of the descriptors; the bytes behind them remain the
// guest's and may change at any time: read once, check the copy, use the copy.
#pragma once

#include <sys/uio.h>

#include <span>
#include <vector>

#include "base/types.h"
#include "memory/guest_memory.h"

namespace pv::virtio {

class Chain {
 public:
  // The index that goes back to the driver with Queue::push().
  u16 head() const { return head_; }
  std::span<const memory::GuestSlice> readable() const {
    return std::span(slices_).first(readable_count_);
  }
  std::span<const memory::GuestSlice> writable() const {
    return std::span(slices_).subspan(readable_count_);
  }
  u64 readable_bytes() const { return readable_bytes_; }
  u64 writable_bytes() const { return writable_bytes_; }

 private:
  friend class Queue;
  void clear(u16 head);
  // False when a readable piece follows a writable one.
  bool add(memory::GuestSlice slice, bool writable);

  u16 head_ = 0;
  std::vector<memory::GuestSlice> slices_;  // keeps its capacity from chain to chain
  usize readable_count_ = 0;
  u64 readable_bytes_ = 0;
  u64 writable_bytes_ = 0;
};

// A position in a list of guest pieces. The chain outlives it.
class ChainCursor {
 public:
  u64 remaining() const { return remaining_; }
  u64 position() const { return position_; }
  // Passes over at most `size` bytes; returns how many.
  u64 skip(u64 size);
  // Appends the next `size` bytes as iovecs for bulk I/O and passes over them. False (nothing
  // done) when fewer are left.
  [[nodiscard]] bool collect(u64 size, std::vector<iovec>& into);

 protected:
  ChainCursor(std::span<const memory::GuestSlice> slices, u64 size)
      : slices_(slices), remaining_(size) {}
  // Calls use(pointer, length) for each piece of the next `size` <= remaining() bytes.
  template <class Use>
  void each(u64 size, Use use);

 private:
  std::span<const memory::GuestSlice> slices_;
  usize index_ = 0;
  u64 offset_ = 0;  // in slices_[index_]
  u64 remaining_;
  u64 position_ = 0;
};

// Reads what the driver wrote for the device.
class ChainReader : public ChainCursor {
 public:
  explicit ChainReader(const Chain& chain)
      : ChainCursor(chain.readable(), chain.readable_bytes()) {}
  // Copies out as many bytes as there are, at most into.size(); returns how many.
  usize read(MutableBytes into);
  // Copies out a whole structure; false (nothing done) when fewer bytes are left.
  template <memory::GuestCopyable T>
  [[nodiscard]] bool read(T& into) {
    if (remaining() < sizeof(T)) return false;
    read(MutableBytes(reinterpret_cast<u8*>(&into), sizeof(T)));
    return true;
  }
};

// Writes for the driver; position() is then the length for Queue::push().
class ChainWriter : public ChainCursor {
 public:
  explicit ChainWriter(const Chain& chain)
      : ChainCursor(chain.writable(), chain.writable_bytes()) {}
  // Copies in as many bytes as fit; returns how many.
  usize write(Bytes from);
  template <memory::GuestCopyable T>
  [[nodiscard]] bool write(const T& from) {
    if (remaining() < sizeof(T)) return false;
    write(Bytes(reinterpret_cast<const u8*>(&from), sizeof(T)));
    return true;
  }
};

}  // namespace pv::virtio
