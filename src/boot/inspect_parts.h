// The parts of inspect(), one for each kind of file; only this folder includes it. Each is called
// for content already recognised, adds fields and findings, and says what the file is.
#pragma once

#include "boot/content.h"
#include "boot/decompress.h"
#include "boot/inspection.h"
#include "boot/lz4_stream.h"

namespace pv::boot {

Result<void> inspect_arm64_image(const Content& content, Inspection& into);
Result<void> inspect_riscv_image(const Content& content, Inspection& into);
Result<void> inspect_bzimage(const Content& content, Inspection& into);
Result<void> inspect_elf(const Content& content, Inspection& into);
Result<void> inspect_uimage(const ImageFile& file, Inspection& into);
// Files that are no kernels; false where this is none of them.
Result<bool> inspect_foreign(const Content& content, Inspection& into);

inline void note(Inspection& into, std::string what, std::string hint = {}) {
  into.findings.push_back({Finding::Level::note, std::move(what), std::move(hint)});
}
inline void suspect(Inspection& into, std::string what, std::string hint = {}) {
  into.findings.push_back({Finding::Level::suspicious, std::move(what), std::move(hint)});
}

// Reads a stretch of the file from its beginning to its end, unpacked where it is compressed.
class ByteStream {
 public:
  // The file itself, or what it wraps.
  static Result<ByteStream> of(const Content& content);
  static Result<ByteStream> at(const ImageFile& file, Compression compression, u64 offset,
                               u64 size);
  static ByteStream lz4(const ImageFile& file, u64 offset, u64 size);
  // The next bytes; 0 at the end. Errors: a broken stream.
  Result<usize> read(MutableBytes into);

 private:
  ByteStream(const ImageFile& file, u64 offset, u64 left)
      : file_(&file), offset_(offset), left_(left) {}
  const ImageFile* file_;
  u64 offset_, left_;
  std::optional<Decompressor> unpacker_;
  std::optional<Lz4Stream> lz4_;
};

// What a kernel says of itself somewhere in its bytes: version, configuration, drivers' marks.
// Errors: a broken stream.
Result<void> scan_kernel(ByteStream stream, Inspection& into);

}  // namespace pv::boot
