#include "boot/content.h"

#include <cstring>
#include <limits>

#include "base/text.h"
#include "boot/decompress.h"

namespace pv::boot {

Result<Content> Content::unpack(const ImageFile& file, Compression compression, u64 offset,
                                u64 size, u64 limit) {
  Content content(file);
  content.compression_ = compression;
  content.offset_ = offset;
  content.payload_ = size;
  content.size_ = announced_size(file, compression, offset, size);
  content.limit_ = limit;
  content.head_.resize(ImageFile::head_size);
  Decompressor stream = TRY(Decompressor::open(file, compression, offset, size));
  content.head_.resize(TRY(stream.read(content.head_)));
  if (content.head_.empty())
    return fail(Error::Kind::image, text("{}: the compressed image is empty", file.name()));
  return content;
}

bool Content::holds(u64 offset, u64 length) const {
  if (compressed()) return length <= std::numeric_limits<u64>::max() - offset;
  return offset <= size_ && length <= size_ - offset;
}

Result<void> Content::read(u64 offset, MutableBytes into) const {
  Bytes known = head();
  if (offset <= known.size() && into.size() <= known.size() - offset) {
    if (!into.empty()) std::memcpy(into.data(), known.data() + offset, into.size());
    return {};
  }
  if (!compressed()) return file_->read(offset, into);
  if (offset > limit_ || into.size() > limit_ - offset)
    return fail(
        Error::Kind::image,
        text("{}: a header names {} bytes at {:#x}, which is more than guest RAM could hold",
             name(), into.size(), offset));
  Decompressor stream = TRY(Decompressor::open(*file_, compression_, offset_, payload_));
  TRY(stream.skip(offset));
  if (TRY(stream.read(into)) != into.size())
    return fail(Error::Kind::image,
                text("{}: the decompressed image ends before {:#x}", name(), offset + into.size()),
                "copy the file again");
  return {};
}

}  // namespace pv::boot
