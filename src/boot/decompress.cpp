#include "boot/decompress.h"

#include <algorithm>
#include <array>

#include "base/endian.h"
#include "base/text.h"

#if PV_HAVE_Z
#include <zlib.h>
#endif
#if PV_HAVE_ZSTD
#include <zstd.h>
#endif
#if PV_HAVE_LZMA
#include <lzma.h>
#endif

namespace pv::boot {
namespace {

constexpr usize input_size = 64 * 1024;
constexpr usize most_at_once = usize{1} << 30;  // zlib counts in unsigned int
// Linux is packed with dictionaries of up to 128 MiB.
[[maybe_unused]] constexpr u64 most_for_dictionary = 192_MiB;

}  // namespace

const char* name_of(Compression compression) {
  switch (compression) {
    case Compression::none: break;
    case Compression::gzip: return "gzip";
    case Compression::zstd: return "zstd";
    case Compression::xz: return "xz";
  }
  return "none";
}

// The compressed bytes, read in pieces, and the library's state.
struct Decompressor::State {
  State(const ImageFile& from, Compression kind, u64 at, u64 length)
      : file(from), compression(kind), offset(at), left(length) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
#if PV_HAVE_Z
    if (zlib_ready) ::inflateEnd(&zlib);
#endif
#if PV_HAVE_ZSTD
    if (zstd != nullptr) ::ZSTD_freeDStream(zstd);
#endif
#if PV_HAVE_LZMA
    ::lzma_end(&lzma);
#endif
  }

  Result<void> start();
  // Makes input available; leaves it empty at the end of the stream's bytes.
  Result<void> refill();
  // Unpacks into `into` as far as the available input goes; returns bytes made.
  Result<usize> unpack(MutableBytes into);

  std::unexpected<Error> broken(std::string_view why) const {
    return fail(Error::Kind::image,
                text("{}: the {} stream is broken: {}", file.name(), name_of(compression), why),
                "copy the file again");
  }

  const ImageFile& file;
  Compression compression;
  u64 offset;  // of the bytes not yet read
  u64 left;    // how many those are
  std::unique_ptr<u8[]> input;
  usize used = 0;
  usize available = 0;
  bool ended = false;
#if PV_HAVE_Z
  z_stream zlib{};
  bool zlib_ready = false;
#endif
#if PV_HAVE_ZSTD
  ZSTD_DStream* zstd = nullptr;
#endif
#if PV_HAVE_LZMA
  Result<usize> unpack_xz(MutableBytes into);
  lzma_stream lzma = LZMA_STREAM_INIT;
#endif
};

Result<void> Decompressor::State::start() {
  input = std::make_unique_for_overwrite<u8[]>(input_size);
#if PV_HAVE_Z
  if (compression == Compression::gzip) {
    constexpr int window_bits = 15;
    constexpr int gzip_only = 16;
    if (::inflateInit2(&zlib, window_bits + gzip_only) != Z_OK)
      return fail(Error::Kind::host, "not enough memory to decompress");
    zlib_ready = true;
    return {};
  }
#endif
#if PV_HAVE_ZSTD
  if (compression == Compression::zstd) {
    zstd = ::ZSTD_createDStream();
    if (zstd == nullptr) return fail(Error::Kind::host, "not enough memory to decompress");
    return {};
  }
#endif
#if PV_HAVE_LZMA
  if (compression == Compression::xz) {
    if (::lzma_stream_decoder(&lzma, most_for_dictionary, 0) != LZMA_OK)
      return fail(Error::Kind::host, "not enough memory to decompress");
    return {};
  }
#endif
  return fail(
      Error::Kind::image,
      text("{}: this build of polyvisor was made without {}", file.name(), name_of(compression)),
      "decompress the file first");
}

Result<void> Decompressor::State::refill() {
  if (available != 0 || left == 0) return {};
  usize length = static_cast<usize>(std::min<u64>(left, input_size));
  TRY(file.read(offset, {input.get(), length}));
  offset += length;
  left -= length;
  used = 0;
  available = length;
  return {};
}

#if PV_HAVE_LZMA
Result<usize> Decompressor::State::unpack_xz(MutableBytes into) {
  lzma.next_in = input.get() + used;
  lzma.avail_in = available;
  lzma.next_out = into.data();
  lzma.avail_out = into.size();
  const lzma_ret status = ::lzma_code(&lzma, LZMA_RUN);
  used += available - lzma.avail_in;
  available = lzma.avail_in;
  switch (status) {
    case LZMA_OK:
    case LZMA_BUF_ERROR: break;
    case LZMA_STREAM_END: ended = true; break;
    case LZMA_MEM_ERROR: return fail(Error::Kind::host, "not enough memory to decompress");
    case LZMA_MEMLIMIT_ERROR: return broken("its dictionary is larger than any kernel's");
    case LZMA_OPTIONS_ERROR: return broken("it uses a filter that is not known");
    default: return broken("it is damaged");
  }
  return into.size() - lzma.avail_out;
}
#endif

Result<usize> Decompressor::State::unpack([[maybe_unused]] MutableBytes into) {
#if PV_HAVE_LZMA
  if (compression == Compression::xz) return unpack_xz(into);
#endif
#if PV_HAVE_Z
  if (compression == Compression::gzip) {
    zlib.next_in = input.get() + used;
    zlib.avail_in = static_cast<uInt>(available);
    zlib.next_out = into.data();
    zlib.avail_out = static_cast<uInt>(into.size());
    int status = ::inflate(&zlib, Z_NO_FLUSH);
    used += available - zlib.avail_in;
    available = zlib.avail_in;
    if (status == Z_STREAM_END)
      ended = true;
    else if (status == Z_MEM_ERROR)
      return fail(Error::Kind::host, "not enough memory to decompress");
    else if (status != Z_OK && status != Z_BUF_ERROR)
      return broken(zlib.msg != nullptr ? zlib.msg : "unknown format");
    return into.size() - zlib.avail_out;
  }
#endif
#if PV_HAVE_ZSTD
  ZSTD_inBuffer in{input.get() + used, available, 0};
  ZSTD_outBuffer out{into.data(), into.size(), 0};
  usize status = ::ZSTD_decompressStream(zstd, &out, &in);
  used += in.pos;
  available -= in.pos;
  if (::ZSTD_isError(status)) return broken(::ZSTD_getErrorName(status));
  if (status == 0) ended = true;
  return out.pos;
#else
  return broken("no library");
#endif
}

Decompressor::Decompressor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;

Result<Decompressor> Decompressor::open(const ImageFile& file, Compression compression, u64 offset,
                                        u64 size) {
  auto state = std::make_unique<State>(file, compression, offset, size);
  TRY(state->start());
  return Decompressor(std::move(state));
}

Result<usize> Decompressor::read(MutableBytes into) {
  usize done = 0;
  while (done < into.size() && !state_->ended) {
    TRY(state_->refill());
    bool starved = state_->available == 0;
    usize before = state_->available;
    usize made =
        TRY(state_->unpack(into.subspan(done, std::min(into.size() - done, most_at_once))));
    done += made;
    if (made != 0 || state_->ended || state_->available != before) continue;
    if (starved) return state_->broken("it is cut off");
    return state_->broken("it does not go on");
  }
  return done;
}

Result<void> Decompressor::skip(u64 bytes) {
  constexpr usize step = 16 * 1024;
  auto scratch = std::make_unique_for_overwrite<u8[]>(step);
  while (bytes > 0) {
    usize want = static_cast<usize>(std::min<u64>(bytes, step));
    usize got = TRY(read({scratch.get(), want}));
    if (got != want) return state_->broken("it ends before a part that its content names");
    bytes -= got;
  }
  return {};
}

Result<bool> Decompressor::at_end() {
  u8 byte = 0;
  return TRY(read({&byte, 1}))
  == 0;
}

u64 announced_size(const ImageFile& file, Compression compression, u64 offset, u64 size) {
  if (compression == Compression::gzip && size >= 4) {
    Le32 trailer;  // ISIZE: the size modulo 4 GiB
    if (file.read(offset + size - 4, {reinterpret_cast<u8*>(&trailer), 4})) return trailer;
  }
#if PV_HAVE_ZSTD
  if (compression == Compression::zstd) {
    std::array<u8, 18> head{};  // the longest frame header
    usize length = static_cast<usize>(std::min<u64>(size, head.size()));
    if (file.read(offset, {head.data(), length})) {
      unsigned long long content = ::ZSTD_getFrameContentSize(head.data(), length);
      if (content < ZSTD_CONTENTSIZE_ERROR) return content;
    }
  }
#endif
  return 0;
}

Compression compression_of(Bytes head) {
  if (head.size() >= 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8)
    return Compression::gzip;
  if (head.size() >= 4 && u32{load_as<Le32>(head, 0)} == 0xfd2fb528) return Compression::zstd;
  if (head.size() >= 4 && u32{load_as<Le32>(head, 0)} == 0x587a37fd) return Compression::xz;
  return Compression::none;
}

}  // namespace pv::boot
