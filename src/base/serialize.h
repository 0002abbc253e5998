// The form in which every device saves its state: a version followed by little-endian fields in
// declaration order. A reader never fails half-way: bad() is asked once at the end.
#pragma once

#include <cstring>
#include <string_view>
#include <vector>

#include "base/endian.h"
#include "base/result.h"
#include "base/types.h"

namespace pv {

class StateWriter {
 public:
  void put8(u8 v) { buffer_.push_back(v); }
  void put16(u16 v) { put(Le16(v)); }
  void put32(u32 v) { put(Le32(v)); }
  void put64(u64 v) { put(Le64(v)); }
  void put_bool(bool v) { put8(v ? 1 : 0); }
  // Length (u32) and content.
  void put_bytes(Bytes bytes) {
    put32(static_cast<u32>(bytes.size()));
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  Bytes bytes() const { return buffer_; }
  std::vector<u8> take() { return std::move(buffer_); }

 private:
  template <class T>
  void put(T v) {
    const u8* p = reinterpret_cast<const u8*>(&v);
    buffer_.insert(buffer_.end(), p, p + sizeof v);
  }
  std::vector<u8> buffer_;
};

class StateReader {
 public:
  explicit StateReader(Bytes bytes) : rest_(bytes) {}
  u8 get8() { return get<u8>(); }
  u16 get16() { return get<Le16>(); }
  u32 get32() { return get<Le32>(); }
  u64 get64() { return get<Le64>(); }
  bool get_bool() { return get8() != 0; }
  // At most `limit` bytes; a longer field makes the reader bad.
  std::vector<u8> get_bytes(usize limit) {
    u32 size = get32();
    if (size > limit || size > rest_.size()) {
      bad_ = true;
      return {};
    }
    std::vector<u8> out(rest_.begin(), rest_.begin() + size);
    rest_ = rest_.subspan(size);
    return out;
  }
  // True when a field was missing or too long: what was read must not be used.
  bool bad() const { return bad_; }
  usize remaining() const { return rest_.size(); }

 private:
  template <class T>
  T get() {
    T v{};
    if (rest_.size() < sizeof v) {
      bad_ = true;
      return v;
    }
    std::memcpy(&v, rest_.data(), sizeof v);
    rest_ = rest_.subspan(sizeof v);
    return v;
  }
  Bytes rest_;
  bool bad_ = false;
};

// What can be saved and restored. save() and restore() are called with the device's mutex held and
// all vCPUs parked. restore() either takes the whole state or fails and leaves the device as it
// was.
class Stateful {
 public:
  virtual void save(StateWriter& out) const = 0;
  virtual Result<void> restore(StateReader& in) = 0;

 protected:
  ~Stateful() = default;
};

}  // namespace pv
