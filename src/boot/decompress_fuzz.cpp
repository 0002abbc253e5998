// Any bytes behind the magic of a compressed stream, unpacked into a bounded buffer: never past its
// end, never without end. The first byte chooses the format and how much is asked for at a time.
#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/fd.h"
#include "boot/decompress.h"

using namespace pv;
using namespace pv::boot;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  constexpr Compression kinds[] = {Compression::gzip, Compression::zstd, Compression::xz,
                                   Compression::zstd};
  Compression compression = kinds[data[0] & 3];
  usize step = 1 + (data[0] >> 2) * 97u;
  Bytes stream(data + 1, size - 1);
  Fd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  if (!fd.valid() || !write_fully(fd.get(), stream)) return 0;
  auto file = ImageFile::open(fd.get(), "fuzz");
  if (!file) return 0;
  (void)announced_size(*file, compression, 0, stream.size());
  auto unpacker = Decompressor::open(*file, compression, 0, stream.size());
  if (!unpacker) return 0;
  std::vector<u8> out(256 * 1024);
  usize done = 0;
  while (done < out.size()) {
    MutableBytes into = MutableBytes(out).subspan(done, std::min(step, out.size() - done));
    auto got = unpacker->read(into);
    if (!got) return 0;
    CHECK(*got <= into.size());
    done += *got;
    if (*got < into.size()) {
      auto end = unpacker->at_end();
      CHECK(end && *end);
      return 0;
    }
  }
  return 0;
}
