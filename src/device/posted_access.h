// PostedAccess: for tests, drives a device as a hypervisor does that buffers the writes of one
// offset: they reach the device only before the next other access, or when drain() is called (the
// 10 ms tick). Counts the accesses that would have been exits.
#pragma once

#include <vector>

#include "bus/mmio_device.h"

namespace pv::device {

class PostedAccess {
 public:
  PostedAccess(bus::MmioDevice& device, u64 posted_offset, bus::Width width)
      : device_(device), posted_offset_(posted_offset), width_(width) {}

  u64 read(u64 offset) {
    drain();
    ++exits_;
    return device_.read({offset, width_}) & bus::all_ones(width_);
  }
  void write(u64 offset, u64 value) {
    if (offset == posted_offset_) {
      posted_.push_back(value);
      return;
    }
    drain();
    ++exits_;
    device_.write({offset, width_}, value);
  }
  void drain() {
    for (u64 value : posted_) device_.write({posted_offset_, width_}, value);
    posted_.clear();
  }
  unsigned exits() const { return exits_; }
  usize waiting() const { return posted_.size(); }

 private:
  bus::MmioDevice& device_;
  u64 posted_offset_;
  bus::Width width_;
  std::vector<u64> posted_;
  unsigned exits_ = 0;
};

// Saves `from` and restores the result into `to`; then `to` must save to the same bytes.
inline bool round_trip(const bus::MmioDevice& from, bus::MmioDevice& to) {
  StateWriter first;
  from.save(first);
  StateReader reader(first.bytes());
  if (!to.restore(reader) || reader.remaining() != 0) return false;
  StateWriter second;
  to.save(second);
  return std::vector<u8>(first.bytes().begin(), first.bytes().end()) == second.take();
}

// Every shorter state and every other version must be refused and change nothing.
inline bool refuses_damage(bus::MmioDevice& device) {
  StateWriter before;
  device.save(before);
  const std::vector<u8> good(before.bytes().begin(), before.bytes().end());
  for (usize size = 0; size < good.size(); ++size) {
    StateReader cut(Bytes(good).first(size));
    if (device.restore(cut)) return false;
  }
  std::vector<u8> other = good;
  ++other[0];
  StateReader wrong(other);
  if (device.restore(wrong)) return false;
  StateWriter after;
  device.save(after);
  return after.take() == good;
}

}  // namespace pv::device
