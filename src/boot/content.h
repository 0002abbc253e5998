// Content: the image inside a file, whether the file is it or wraps it. What the parsers of this
// folder read from; they see offsets of the decompressed image only.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "boot/image.h"

namespace pv::boot {

class Content {
 public:
  // The file itself.
  explicit Content(const ImageFile& file) : file_(&file), size_(file.size()) {}
  // What the compressed stream of `size` bytes at `offset` unpacks to. Unpacks the first 4 KiB. No
  // read goes further than `limit` bytes into it. Errors: a broken stream.
  static Result<Content> unpack(const ImageFile& file, Compression compression, u64 offset,
                                u64 size, u64 limit);

  const ImageFile& file() const { return *file_; }
  const std::string& name() const { return file_->name(); }
  Bytes head() const { return compressed() ? Bytes(head_) : file_->head(); }
  bool compressed() const { return compression_ != Compression::none; }
  Compression compression() const { return compression_; }
  // Exact for a plain file; what the stream announces, or 0, for a compressed one.
  u64 size() const { return size_; }
  // Whether the image can have `length` bytes at `offset`: exact for a plain file; a compressed one
  // finds out when it is loaded.
  bool holds(u64 offset, u64 length) const;
  // The whole file, or where the compressed stream lies.
  u64 payload_offset() const { return offset_; }
  u64 payload_size() const { return compressed() ? payload_ : size_; }

  Result<void> read(u64 offset, MutableBytes into) const;

 private:
  const ImageFile* file_;
  Compression compression_ = Compression::none;
  u64 offset_ = 0;
  u64 payload_ = 0;
  u64 size_ = 0;
  u64 limit_ = 0;
  std::vector<u8> head_;
};

}  // namespace pv::boot
