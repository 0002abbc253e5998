#include "boot/loader.h"

#include <unistd.h>

#include <algorithm>

#include "base/fd.h"
#include "base/text.h"
#include "boot/decompress.h"
#include "boot/parse.h"

namespace pv::boot {
namespace {

using memory::GuestMemory;

u64 page_size() { return static_cast<u64>(::sysconf(_SC_PAGESIZE)); }

class Loader {
 public:
  Loader(GuestMemory& ram, const ImageFile& file, const LoadOptions& options)
      : ram_(ram), file_(file), options_(options) {}

  const LoadStats& stats() const { return stats_; }

  // `size` bytes of the file at `offset` to `dest`.
  Result<void> load(GuestAddress dest, u64 offset, u64 size) {
    u64 page = page_size();
    u64 first = align_up(dest.value(), page);
    u64 last = align_down(dest.value() + size, page);
    bool agree = dest.value() % page == offset % page;
    if (options_.method != LoadMethod::map || !agree || last <= first || shared(dest, size))
      return read(dest, offset, size);
    u64 before = first - dest.value();
    // A file system that cannot map is no reason to fail: the bytes can be read.
    if (!ram_.map_file(GuestAddress(first), file_.fd(), offset + before, last - first))
      return read(dest, offset, size);
    stats_.mapped += last - first;
    TRY(read(dest, offset, before));
    return read(GuestAddress(last), offset + before + (last - first), dest.value() + size - last);
  }

  Result<void> read(GuestAddress dest, u64 offset, u64 size) {
    if (size == 0) return {};
    MutableBytes into = TRY(window(dest, size));
    TRY(file_.read(offset, into));
    stats_.copied += size;
    return {};
  }

  // Makes [dest, dest + size) zero.
  Result<void> zero(GuestAddress dest, u64 size) {
    if (size == 0 || options_.ram_is_zero) return {};
    TRY(window(dest, size));
    if (ram_.fill(dest, size, 0)) stats_.zeroed += size;
    return {};
  }

  // The segments of a compressed image, in the order of the stream.
  Result<void> unpack(const KernelImage& image) {
    std::vector<Segment> segments = image.segments;
    std::ranges::sort(segments, {}, &Segment::file_offset);
    Decompressor stream =
        TRY(Decompressor::open(file_, image.compression, image.payload_offset, image.payload_size));
    u64 at = 0;
    for (const Segment& segment : segments) {
      if (segment.file_size == 0) {
        TRY(zero(segment.dest, segment.memory_size));
        continue;
      }
      if (segment.file_offset < at)
        return fail(Error::Kind::image,
                    text("{}: two segments use the same bytes of the compressed file at {:#x}",
                         file_.name(), segment.file_offset),
                    "decompress the file first");
      TRY(stream.skip(segment.file_offset - at));
      u64 made = TRY(unpack_one(stream, segment));
      at = segment.file_offset + made;
      TRY(zero(segment.dest + made, segment.memory_size - made));
    }
    return {};
  }

 private:
  // Guest RAM as a place to read into. parse() has checked the ranges against the same RAM.
  Result<MutableBytes> window(GuestAddress dest, u64 size) {
    iovec io = ram_.slice(dest, size).io();
    if (io.iov_base == nullptr)
      return fail(Error::Kind::host, text("{}: {} is not one piece of guest RAM", file_.name(),
                                          range_text({dest, size})));
    return MutableBytes(static_cast<u8*>(io.iov_base), io.iov_len);
  }

  bool shared(GuestAddress dest, u64 size) const {
    for (usize i = 0; i < ram_.region_count(); ++i)
      if (ram_.region(i).guest.contains(dest, size)) return ram_.region(i).fd >= 0;
    return false;
  }

  Result<u64> unpack_one(Decompressor& stream, const Segment& segment) {
    MutableBytes into = TRY(window(segment.dest, segment.file_size));
    u64 made = TRY(stream.read(into));
    stats_.inflated += made;
    if (!segment.up_to_end && made != segment.file_size)
      return fail(
          Error::Kind::image,
          text("{}: the decompressed image is truncated: {:#x} bytes of the {:#x} for {:#x}",
               file_.name(), made, segment.file_size, segment.dest.value()),
          "copy the file again");
    bool whole = !segment.up_to_end || TRY(stream.at_end());
    if (!whole)
      return fail(Error::Kind::image,
                  text("{}: the decompressed image is larger than the {:#x} bytes that it "
                       "announces",
                       file_.name(), segment.file_size),
                  "decompress the file first, or copy it again");
    return made;
  }

  GuestMemory& ram_;
  const ImageFile& file_;
  LoadOptions options_;
  LoadStats stats_;
};

}  // namespace

Result<LoadStats> load_kernel(GuestMemory& ram, const ImageFile& file, const KernelImage& image,
                              const LoadOptions& options) {
  Loader loader(ram, file, options);
  if (image.compression != Compression::none) {
    TRY(loader.unpack(image));
    return loader.stats();
  }
  for (const Segment& segment : image.segments) {
    TRY(loader.load(segment.dest, segment.file_offset, segment.file_size));
    TRY(loader.zero(segment.dest + segment.file_size, segment.memory_size - segment.file_size));
  }
  return loader.stats();
}

Result<LoadStats> load_file(GuestMemory& ram, const ImageFile& file, GuestRange where,
                            const LoadOptions& options) {
  Loader loader(ram, file, options);
  TRY(loader.load(where.base, 0, where.size));
  return loader.stats();
}

}  // namespace pv::boot
