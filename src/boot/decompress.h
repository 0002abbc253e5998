// Decompressor: gzip (RFC 1952, through zlib), zstd (RFC 8878) and xz (the .xz file format, 1.1.0,
// through liblzma) streams inside a file, unpacked piece by piece into memory that the caller owns:
// guest RAM, without a buffer in between.
// The sizes that a stream announces are hints and never trusted; the caller bounds the output.
// Deliberately absent: members or frames after the first one.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/types.h"
#include "boot/image.h"

namespace pv::boot {

class Decompressor {
 public:
  // `size` bytes of `file` at `offset` hold the stream; the file must outlive this. Errors: this
  // build has no library for the format.
  static Result<Decompressor> open(const ImageFile& file, Compression compression, u64 offset,
                                   u64 size);
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) = delete;

  // The next bytes; fewer than `into` holds only where the stream ends. Errors: the stream is
  // broken or cut off.
  Result<usize> read(MutableBytes into);
  // Unpacks and drops `bytes`. Errors: as read(), or the stream ends before.
  Result<void> skip(u64 bytes);
  // Whether nothing is left; checks the stream's own checksum. Drops a byte where one is left.
  Result<bool> at_end();

 private:
  struct State;
  explicit Decompressor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The size that a stream announces for its content, 0 where it does not. Any value may be a lie.
u64 announced_size(const ImageFile& file, Compression compression, u64 offset, u64 size);

// By the first bytes.
Compression compression_of(Bytes head);

// "gzip", "zstd", "xz"; "none".
const char* name_of(Compression compression);

}  // namespace pv::boot
