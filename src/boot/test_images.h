// Synthetic kernel files for the tests of this folder: each builder makes the smallest valid file
// of a format, for a test to break in one place.
#pragma once

#include <sys/mman.h>
#include <unistd.h>
#if PV_HAVE_Z
#include <zlib.h>
#endif
#if PV_HAVE_ZSTD
#include <zstd.h>
#endif
#if PV_HAVE_LZMA
#include <lzma.h>
#endif

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/endian.h"
#include "base/fd.h"
#include "boot/image.h"
#include "boot/image_file.h"

namespace pv::boot::test {

using Blob = std::vector<u8>;

inline Fd file_with(Bytes content) {
  Fd fd(::memfd_create("image", MFD_CLOEXEC));
  (void)write_fully(fd.get(), content);
  return fd;
}

template <class T>
void put(Blob& blob, usize offset, T value) {
  if (blob.size() < offset + sizeof value) blob.resize(offset + sizeof value);
  std::memcpy(blob.data() + offset, &value, sizeof value);
}
inline void put(Blob& blob, usize offset, std::string_view text) {
  if (blob.size() < offset + text.size()) blob.resize(offset + text.size());
  std::memcpy(blob.data() + offset, text.data(), text.size());
}
inline Blob blob(std::string_view text) { return Blob(text.begin(), text.end()); }

// Bytes that are neither zero nor text, each telling its offset.
inline Blob pattern(usize size) {
  Blob out(size);
  for (usize i = 0; i < size; ++i) out[i] = static_cast<u8>(0x80 | (i * 7 + (i >> 8)));
  return out;
}

inline Blob arm64_image(u64 text_offset, u64 image_size, usize file_size) {
  Blob b = pattern(file_size);
  std::memset(b.data(), 0, 64);
  put(b, 8, Le64(text_offset));
  put(b, 16, Le64(image_size));
  put(b, 56, Le32(0x644d5241));
  return b;
}
inline Blob riscv_image(u64 text_offset, u64 image_size, usize file_size) {
  Blob b = arm64_image(text_offset, image_size, file_size);
  put(b, 48, Le64(0x5643534952));
  put(b, 56, Le32(0x05435352));
  return b;
}

// CRC-32 bit by bit, so that nothing is checked against itself.
inline u32 plain_crc32(Bytes bytes) {
  u32 crc = ~u32{0};
  for (u8 byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb8'8320 : 0);
  }
  return ~crc;
}

// Both checksums of a uImage; a size that the file does not have is left as it is.
inline void seal_uimage(Blob& b) {
  u32 size = load_as<Be32>(b, 12);
  if (size <= b.size() - 64) put(b, 24, Be32(plain_crc32(Bytes(b).subspan(64, size))));
  put(b, 4, Be32(0));
  put(b, 4, Be32(plain_crc32(Bytes(b).first(64))));
}
struct UimageFields {
  u32 load = 0;
  u32 entry = 0;
  u8 os = 5;    // Linux
  u8 arch = 7;  // PowerPC
  u8 type = 2;  // kernel
  u8 compression = 0;
};
inline Blob uimage(const Blob& content, const UimageFields& fields = {}) {
  Blob b(64 + content.size());
  std::copy(content.begin(), content.end(), b.begin() + 64);
  put(b, 0, Be32(0x2705'1956));
  put(b, 12, Be32(static_cast<u32>(content.size())));
  put(b, 16, Be32(fields.load));
  put(b, 20, Be32(fields.entry));
  b[28] = fields.os;
  b[29] = fields.arch;
  b[30] = fields.type;
  b[31] = fields.compression;
  put(b, 32, std::string_view("a kernel"));
  seal_uimage(b);
  return b;
}

// Four setup sectors, then `code` bytes.
inline Blob bzimage(u64 code, u64 pref_address, u32 init_size) {
  Blob b = pattern(5 * 512 + code);
  std::memset(b.data(), 0, 0x300);
  b[0x1f1] = 4;
  put(b, 0x1f4, Le32(static_cast<u32>(code / 16)));
  put(b, 0x1fe, Le16(0xaa55));
  put(b, 0x200, Le16(0x6aeb));  // jmp: the header ends at 0x202 + 0x6a
  put(b, 0x202, std::string_view("HdrS"));
  put(b, 0x206, Le16(0x20f));
  put(b, 0x22c, Le32(0x7fffffff));
  put(b, 0x236, Le16(3));
  put(b, 0x238, Le32(2047));
  put(b, 0x258, Le64(pref_address));
  put(b, 0x260, Le32(init_size));
  return b;
}

struct Load {
  u64 paddr;
  u64 offset;
  u64 filesz;
  u64 memsz;
  u64 vaddr = 0;
  u32 type = 1;
  u64 align = 4;
};
// Program headers at 64 (or 52); the file is `size` long with pattern after the headers.
inline Blob elf(u16 machine, u64 entry, std::vector<Load> loads, usize size, bool wide = true,
                bool big = false, u16 type = 2) {
  Blob b = pattern(size);
  auto num = [&](usize at, u64 value, usize bytes) {
    if (b.size() < at + bytes) b.resize(at + bytes);
    for (usize i = 0; i < bytes; ++i)
      b[at + i] = static_cast<u8>(value >> (8 * (big ? bytes - 1 - i : i)));
  };
  usize header = wide ? 64 : 52, each = wide ? 56 : 32, word = wide ? 8 : 4;
  std::memset(b.data(), 0, std::min(size, header));
  put(b, 0,
      std::string_view("\x7f"
                       "ELF"));
  b[4] = wide ? 2 : 1;
  b[5] = big ? 2 : 1;
  b[6] = 1;
  num(16, type, 2);
  num(18, machine, 2);
  num(20, 1, 4);
  num(24, entry, word);
  num(wide ? 32 : 28, header, word);
  num(wide ? 54 : 42, each, 2);
  num(wide ? 56 : 44, loads.size(), 2);
  for (usize i = 0; i < loads.size(); ++i) {
    usize at = header + i * each;
    const Load& l = loads[i];
    num(at, l.type, 4);
    num(at + (wide ? 8 : 4), l.offset, word);
    num(at + (wide ? 16 : 8), l.vaddr != 0 ? l.vaddr : l.paddr, word);
    num(at + (wide ? 24 : 12), l.paddr, word);
    num(at + (wide ? 32 : 16), l.filesz, word);
    num(at + (wide ? 40 : 20), l.memsz, word);
    num(at + (wide ? 48 : 28), l.align, word);
  }
  return b;
}
constexpr u16 em_386 = 3, em_arm = 40, em_x86_64 = 62, em_aarch64 = 183, em_riscv = 243;

// A Xen note of 20 bytes.
inline void put_pvh_note(Blob& b, usize at, u32 entry) {
  put(b, at, Le32(4));
  put(b, at + 4, Le32(4));
  put(b, at + 8, Le32(18));
  put(b, at + 12, std::string_view("Xen\0", 4));
  put(b, at + 16, Le32(entry));
}

#if PV_HAVE_Z
inline Blob gzip(const Blob& from) {
  z_stream z{};
  Blob out(from.size() + from.size() / 100 + 100);
  if (::deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  z.next_in = const_cast<u8*>(from.data());
  z.avail_in = static_cast<uInt>(from.size());
  z.next_out = out.data();
  z.avail_out = static_cast<uInt>(out.size());
  ::deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  ::deflateEnd(&z);
  return out;
}
#endif
#if PV_HAVE_ZSTD
inline Blob zstd(const Blob& from) {
  Blob out(::ZSTD_compressBound(from.size()));
  out.resize(::ZSTD_compress(out.data(), out.size(), from.data(), from.size(), 1));
  return out;
}
#endif
#if PV_HAVE_LZMA
inline Blob xz(const Blob& from) {
  Blob out(::lzma_stream_buffer_bound(from.size()));
  usize size = 0;
  if (::lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, nullptr, from.data(), from.size(), out.data(),
                                &size, out.size()) != LZMA_OK)
    return {};
  out.resize(size);
  return out;
}
#endif

inline Blob zboot(const Blob& payload, std::string_view type) {
  Blob b(128);
  put(b, 0, std::string_view("MZ\0\0zimg", 8));
  put(b, 8, Le32(128));
  put(b, 12, Le32(static_cast<u32>(payload.size())));
  put(b, 24, type);
  put(b, 56, Le32(0x818223cd));
  b.insert(b.end(), payload.begin(), payload.end());
  return b;
}

}  // namespace pv::boot::test
