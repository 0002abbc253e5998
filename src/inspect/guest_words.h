// Numbers and text out of guest memory, read through a window, so that a structure's fields cost no
// request each. Memory belongs to the guest: nothing is believed, only what is there is returned.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inspect/page_walk.h"

namespace pv::inspect {

// Copies guest memory out, physical or virtual: whoever makes it knows which; false: there is none.
using ReadMemory = ReadPhysical;

class GuestWords {
 public:
  // `word` is the size of a pointer there.
  GuestWords(ReadMemory read, bool big_endian, unsigned word)
      : read_(std::move(read)), big_(big_endian), word_(word) {}

  unsigned word_size() const { return word_; }
  // `size` bytes as an unsigned number; nullopt: not readable.
  std::optional<u64> number(u64 address, unsigned size);
  std::optional<u64> word(u64 address) { return number(address, word_); }
  // At most `most` characters, up to the first NUL or what is not readable.
  std::string string(u64 address, usize most);
  // False: not all of it is readable.
  bool copy(u64 address, MutableBytes into);

 private:
  bool covers(u64 address, usize size) const {
    return address >= begin_ && address - begin_ <= bytes_.size() &&
           size <= bytes_.size() - static_cast<usize>(address - begin_);
  }
  bool load(u64 address);

  ReadMemory read_;
  bool big_;
  unsigned word_;
  u64 begin_ = 0;
  std::vector<u8> bytes_;
};

}  // namespace pv::inspect
