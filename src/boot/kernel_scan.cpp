// What can be told of a Linux kernel by reading all of its bytes once: the banner (init/version.c),
// the configuration (ikconfig.h), and strings that only certain drivers have.
#include <algorithm>
#include <cstring>
#include <memory>

#include "boot/inspect_parts.h"

namespace pv::boot {
namespace {

constexpr std::string_view banner = "Linux version ";
constexpr usize longest_banner = 512;
constexpr usize piece_size = 256 * 1024;
// No stream is followed further: a compressed one may go on for ever.
constexpr u64 most_scanned = 1_GiB;
// Linux has its banner among its first read-only data, in front of what is there to debug it.
constexpr u64 most_without_banner = 256_MiB;

bool contains(Bytes where, std::string_view what) {
  return ::memmem(where.data(), where.size(), what.data(), what.size()) != nullptr;
}

// The line behind "Linux version ", if one begins here: "%s" follows it in other places. One that
// the end of `where` cuts off is left to the next look, unless this is the last.
std::string banner_in(Bytes where, bool last) {
  std::string_view all(reinterpret_cast<const char*>(where.data()), where.size());
  for (usize at = all.find(banner); at != all.npos; at = all.find(banner, at + 1)) {
    std::string_view rest = all.substr(at + banner.size(), longest_banner);
    rest = rest.substr(
        0,
        static_cast<usize>(std::ranges::find_if(rest, [](char c) { return c < 0x20 || c > 0x7e; }) -
                           rest.begin()));
    if (rest.empty() || rest.front() < '0' || rest.front() > '9') continue;
    if (!last && rest.size() < longest_banner &&
        rest.data() + rest.size() == all.data() + all.size())
      continue;
    return std::string(rest);
  }
  return {};
}

// All marks of all architectures, each once.
std::vector<const char*> all_marks() {
  std::vector<const char*> marks;
  for (Arch arch : all_architectures)
    for (const Driver& driver : drivers_for(arch))
      if (std::ranges::none_of(
              marks, [&](const char* known) { return std::strcmp(known, driver.mark) == 0; }))
        marks.push_back(driver.mark);
  return marks;
}

}  // namespace

Result<ByteStream> ByteStream::of(const Content& content) {
  return at(content.file(), content.compression(), content.payload_offset(),
            content.payload_size());
}

Result<ByteStream> ByteStream::at(const ImageFile& file, Compression compression, u64 offset,
                                  u64 size) {
  ByteStream stream(file, offset, size);
  if (compression != Compression::none)
    stream.unpacker_.emplace(TRY(Decompressor::open(file, compression, offset, size)));
  return stream;
}

ByteStream ByteStream::lz4(const ImageFile& file, u64 offset, u64 size) {
  ByteStream stream(file, offset, size);
  stream.lz4_.emplace(file, offset, size);
  return stream;
}

Result<usize> ByteStream::read(MutableBytes into) {
  if (lz4_) return lz4_->read(into);
  if (unpacker_) return unpacker_->read(into);
  usize length = static_cast<usize>(std::min<u64>(into.size(), left_));
  if (length == 0) return usize{0};
  TRY(file_->read(offset_, into.first(length)));
  offset_ += length;
  left_ -= length;
  return length;
}

Result<void> scan_kernel(ByteStream stream, Inspection& into) {
  // Each piece begins with the end of the one before, so that nothing is cut in two.
  constexpr usize overlap = banner.size() + longest_banner;
  auto buffer = std::make_unique_for_overwrite<u8[]>(overlap + piece_size);
  std::vector<const char*> missing = all_marks();
  IkconfigFinder config;
  const auto fill = [&](MutableBytes piece) -> Result<usize> {
    usize made = 0, more = 1;
    for (; made < piece.size() && more != 0; made += more)
      more = TRY(stream.read(piece.subspan(made)));
    return made;
  };
  usize kept = 0;
  for (u64 scanned = 0; scanned < most_scanned;) {
    const usize made = TRY(fill({buffer.get() + kept, piece_size}));
    scanned += made;
    config.feed({buffer.get() + kept, made});
    Bytes window(buffer.get(), kept + made);
    if (into.linux_version.empty()) into.linux_version = banner_in(window, made != piece_size);
    std::erase_if(missing, [&](const char* mark) {
      if (!contains(window, mark)) return false;
      into.marks.emplace_back(mark);
      return true;
    });
    if (made != piece_size || (into.linux_version.empty() && scanned >= most_without_banner)) break;
    kept = std::min(overlap, window.size());
    std::memmove(buffer.get(), window.data() + window.size() - kept, kept);
  }
  into.searched = true;
  auto found = config.finish();
  if (found) {
    into.config = *std::move(found);
  } else {
    into.config_damage = found.error().message;
    note(into, into.config_damage);
  }
  return {};
}

}  // namespace pv::boot
