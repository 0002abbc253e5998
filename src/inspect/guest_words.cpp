#include "inspect/guest_words.h"

#include <array>
#include <cstring>

namespace pv::inspect {
namespace {

constexpr usize window = 4096;  // read at once

}  // namespace

bool GuestWords::load(u64 address) {
  for (usize size : {window, usize{256}, usize{16}}) {  // less where memory ends
    begin_ = align_down(address, std::min<u64>(size, 256));
    bytes_.resize(size);
    if (begin_ + size > begin_ && read_(begin_, bytes_)) return true;
  }
  bytes_.clear();
  return false;
}

std::optional<u64> GuestWords::number(u64 address, unsigned size) {
  std::array<u8, 8> bytes;
  if (size > bytes.size() || !copy(address, std::span(bytes).first(size))) return std::nullopt;
  u64 value = 0;
  for (unsigned i = 0; i < size; ++i) value |= u64{bytes[i]} << 8 * (big_ ? size - 1 - i : i);
  return value;
}

std::string GuestWords::string(u64 address, usize most) {
  std::string found;
  while (found.size() < most) {
    const auto byte = number(address + found.size(), 1);
    if (!byte || *byte == 0) break;
    found += static_cast<char>(*byte);
  }
  return found;
}

bool GuestWords::copy(u64 address, MutableBytes into) {
  if (into.size() > window) return read_(address, into);
  if (!covers(address, into.size()) && (!load(address) || !covers(address, into.size())))
    return read_(address, into);  // over the border of what could be loaded
  std::memcpy(into.data(), bytes_.data() + static_cast<usize>(address - begin_), into.size());
  return true;
}

}  // namespace pv::inspect
