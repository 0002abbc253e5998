#include "boot/lz4_stream.h"

#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "base/text.h"

namespace pv::boot {
namespace {

constexpr usize largest_block = usize{8} << 20;  // unpacked, by the specification

// The input of one block; every read is checked.
class Cursor {
 public:
  explicit Cursor(Bytes bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }
  bool byte(u8& value) {
    if (rest_.empty()) return false;
    value = rest_.front();
    rest_ = rest_.subspan(1);
    return true;
  }
  bool take(usize count, Bytes& bytes) {
    if (count > rest_.size()) return false;
    bytes = rest_.first(count);
    rest_ = rest_.subspan(count);
    return true;
  }
  // Four bits of the token; 15 means that more bytes follow, up to one that is not 255.
  bool length(unsigned nibble, usize& value) {
    value = nibble;
    if (nibble != 15) return true;
    u8 more = 255;
    while (more == 255) {
      if (!byte(more) || value > largest_block) return false;
      value += more;
    }
    return true;
  }

 private:
  Bytes rest_;
};

}  // namespace

std::optional<usize> unpack_lz4_block(Bytes block, MutableBytes into) {
  constexpr usize least_match = 4;
  Cursor in(block);
  usize made = 0;
  while (!in.at_end()) {
    u8 token = 0;
    usize length = 0;
    Bytes literals;
    if (!in.byte(token) || !in.length(token >> 4, length) || !in.take(length, literals))
      return std::nullopt;
    if (length > into.size() - made) return std::nullopt;
    if (length != 0) std::memcpy(into.data() + made, literals.data(), length);
    made += length;
    if (in.at_end()) break;  // the last sequence has no match
    Bytes distance_bytes;
    if (!in.take(2, distance_bytes) || !in.length(token & 15, length)) return std::nullopt;
    const usize distance = u16{load_as<Le16>(distance_bytes, 0)};
    length += least_match;
    if (distance == 0 || distance > made || length > into.size() - made) return std::nullopt;
    // Byte by byte: a match may overlap what it makes.
    for (usize i = 0; i < length; ++i, ++made) into[made] = into[made - distance];
  }
  return made;
}

Result<bool> Lz4Stream::next_block() {
  std::array<u8, 4> word{};
  if (left_ < word.size()) return false;
  TRY(file_->read(offset_, word));
  const u64 size = u32{load_as<Le32>(word, 0)};
  // What is no block any more: Linux has the unpacked size there.
  if (size == 0 || size > left_ - word.size() || size > largest_block + largest_block / 255 + 16)
    return false;
  std::vector<u8> packed(static_cast<usize>(size));
  TRY(file_->read(offset_ + word.size(), packed));
  offset_ += word.size() + size;
  left_ -= word.size() + size;
  block_.resize(largest_block);
  const auto made = unpack_lz4_block(packed, block_);
  if (!made)
    return fail(Error::Kind::image, text("{}: the lz4 stream is broken", file_->name()),
                "copy the file again");
  block_.resize(*made);
  used_ = 0;
  return true;
}

Result<usize> Lz4Stream::read(MutableBytes into) {
  while (used_ == block_.size())
    if (!TRY(next_block())) return usize{0};
  const usize count = std::min(into.size(), block_.size() - used_);
  std::memcpy(into.data(), block_.data() + used_, count);
  used_ += count;
  return count;
}

}  // namespace pv::boot
