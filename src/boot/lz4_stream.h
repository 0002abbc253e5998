// Lz4Stream: an LZ4 legacy frame inside a file, unpacked block by block: what `lz4 -l` makes, and
// what Linux kernels with CONFIG_KERNEL_LZ4 are compressed with. For looking into kernels only; no
// kernel is started from one.
// Specification: LZ4 frame format 1.6.4, "Legacy frame"; LZ4 block format.
// Deliberately absent: the current frame format, dictionaries, checksums (legacy has none).
#pragma once

#include <optional>
#include <vector>

#include "boot/image_file.h"

namespace pv::boot {

class Lz4Stream {
 public:
  static constexpr u32 magic = 0x184c2102;

  // `size` bytes of `file` at `offset` begin with the frame; what follows its last block ends it.
  Lz4Stream(const ImageFile& file, u64 offset, u64 size)
      : file_(&file), offset_(offset + 4), left_(size < 4 ? 0 : size - 4) {}

  // The next bytes; 0 at the end. Errors: a broken block.
  Result<usize> read(MutableBytes into);

 private:
  Result<bool> next_block();

  const ImageFile* file_;
  u64 offset_;
  u64 left_;
  std::vector<u8> block_;  // unpacked
  usize used_ = 0;
};

// Unpacks one LZ4 block into `into`; the number of bytes made, nothing where the block is broken or
// does not fit.
std::optional<usize> unpack_lz4_block(Bytes block, MutableBytes into);

}  // namespace pv::boot
