#include "virtio/chain.h"

#include <algorithm>
#include <cstring>

namespace pv::virtio {

void Chain::clear(u16 head) {
  head_ = head;
  slices_.clear();
  readable_count_ = 0;
  readable_bytes_ = 0;
  writable_bytes_ = 0;
}

bool Chain::add(memory::GuestSlice slice, bool writable) {
  if (!writable && writable_bytes_ != 0) return false;
  if (writable) {
    writable_bytes_ += slice.size();
  } else {
    readable_bytes_ += slice.size();
    ++readable_count_;
  }
  slices_.push_back(slice);
  return true;
}

template <class Use>
void ChainCursor::each(u64 size, Use use) {
  remaining_ -= size;
  position_ += size;
  while (size > 0) {
    const iovec piece = slices_[index_].io();
    const usize length = static_cast<usize>(std::min<u64>(size, piece.iov_len - offset_));
    use(static_cast<u8*>(piece.iov_base) + offset_, length);
    offset_ += length;
    size -= length;
    if (offset_ == piece.iov_len) {
      ++index_;
      offset_ = 0;
    }
  }
}

u64 ChainCursor::skip(u64 size) {
  size = std::min(size, remaining_);
  each(size, [](u8*, usize) {});
  return size;
}

bool ChainCursor::collect(u64 size, std::vector<iovec>& into) {
  if (size > remaining_) return false;
  each(size, [&](u8* piece, usize length) { into.push_back(iovec{piece, length}); });
  return true;
}

usize ChainReader::read(MutableBytes into) {
  const usize size = static_cast<usize>(std::min<u64>(into.size(), remaining()));
  u8* to = into.data();
  each(size, [&](const u8* piece, usize length) {
    std::memcpy(to, piece, length);
    to += length;
  });
  return size;
}

usize ChainWriter::write(Bytes from) {
  const usize size = static_cast<usize>(std::min<u64>(from.size(), remaining()));
  const u8* source = from.data();
  each(size, [&](u8* piece, usize length) {
    std::memcpy(piece, source, length);
    source += length;
  });
  return size;
}

}  // namespace pv::virtio
