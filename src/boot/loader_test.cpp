#include "boot/loader.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "boot/test_images.h"

namespace pv::boot {
namespace {

using namespace test;
using memory::Backing;
using memory::GuestMemory;

constexpr GuestRange arm_ram[] = {{GuestAddress(0x4000'0000), 64_MiB}};
constexpr GuestRange x86_ram[] = {{GuestAddress(0), 0xa0000}, {GuestAddress(1_MiB), 127_MiB}};

// A kernel file, parsed, with RAM to load it into.
struct Loaded {
  Fd fd;
  GuestMemory ram;
  std::optional<ImageFile> file;
  KernelImage image;

  Loaded(const Blob& content, std::span<const GuestRange> ranges, Arch arch,
         Backing backing = Backing::anonymous)
      : fd(file_with(content)) {
    for (const GuestRange& range : ranges) EXPECT_TRUE(ram.add(range, backing));
    auto opened = ImageFile::open(fd.get(), "kernel");
    EXPECT_TRUE(opened);
    file.emplace(std::move(*opened));
    auto parsed = parse(*file, target_for(arch, ranges));
    EXPECT_TRUE(parsed) << parsed.error().message;
    if (parsed) image = std::move(*parsed);
  }
  Blob bytes(u64 at, usize size) {
    Blob out(size);
    EXPECT_TRUE(ram.read_bytes(GuestAddress(at), out));
    return out;
  }
};

Blob part(const Blob& b, usize from, usize size) {
  return Blob(b.begin() + static_cast<long>(from), b.begin() + static_cast<long>(from + size));
}

TEST(Loader, ImageByEachMethodAndBacking) {
  Blob content = arm64_image(0, 1_MiB, 50000);
  for (Backing backing : {Backing::anonymous, Backing::shared})
    for (LoadMethod method : {LoadMethod::read, LoadMethod::map}) {
      Loaded l(content, arm_ram, Arch::aarch64, backing);
      auto stats = load_kernel(l.ram, *l.file, l.image, {.method = method});
      ASSERT_TRUE(stats) << stats.error().message;
      EXPECT_EQ(l.bytes(0x4000'0000, content.size()), content);
      EXPECT_EQ(l.bytes(0x4000'0000 + content.size(), 9000), Blob(9000));
      bool mapped = method == LoadMethod::map && backing == Backing::anonymous;
      EXPECT_EQ(stats->mapped != 0, mapped);
      EXPECT_EQ(stats->mapped + stats->copied, content.size());
    }
}

TEST(Loader, MappedPagesAreTheGuestsOwn) {
  Blob content = arm64_image(0, 1_MiB, 50000);
  Loaded l(content, arm_ram, Arch::aarch64);
  ASSERT_TRUE(load_kernel(l.ram, *l.file, l.image, {.method = LoadMethod::map}));
  EXPECT_TRUE(l.ram.fill(GuestAddress(0x4000'0000), 4096, 0));
  Blob now(4096);
  ASSERT_TRUE(l.file->read(0, now));
  EXPECT_EQ(now, part(content, 0, 4096));
}

TEST(Loader, ElfSegmentsAndBss) {
  // The second segment's file bytes are followed by other bytes, which must not show in its bss.
  Blob content =
      elf(em_aarch64, 0x4010'0000,
          {{0x4010'0000, 0x1000, 0x2800, 0x2800}, {0x4020'0234, 0x3234, 0x2000, 0x9000}}, 0x9000);
  for (LoadMethod method : {LoadMethod::read, LoadMethod::map})
    for (bool clean : {true, false}) {
      Loaded l(content, arm_ram, Arch::aarch64);
      if (!clean) {
        EXPECT_TRUE(l.ram.fill(GuestAddress(0x4020'0000), 1_MiB, 0xee));
      }
      auto stats = load_kernel(l.ram, *l.file, l.image, {.method = method, .ram_is_zero = clean});
      ASSERT_TRUE(stats) << stats.error().message;
      EXPECT_EQ(l.bytes(0x4010'0000, 0x2800), part(content, 0x1000, 0x2800));
      EXPECT_EQ(l.bytes(0x4020'0234, 0x2000), part(content, 0x3234, 0x2000));
      EXPECT_EQ(l.bytes(0x4020'2234, 0x7000), Blob(0x7000));
      EXPECT_EQ(l.bytes(0x4020'0233, 1)[0], clean ? 0 : 0xee);
      EXPECT_EQ(l.bytes(0x4020'9234, 1)[0], clean ? 0 : 0xee);
      EXPECT_EQ(stats->zeroed, clean ? 0u : 0x7000u);
      EXPECT_EQ(stats->mapped != 0, method == LoadMethod::map);
    }
}

TEST(Loader, BzImageWithoutItsRealModePart) {
  Blob content = bzimage(8192, 16_MiB, 1 << 20);
  Loaded l(content, x86_ram, Arch::x86_64);
  ASSERT_TRUE(load_kernel(l.ram, *l.file, l.image));
  EXPECT_EQ(l.bytes(16_MiB, 8192), part(content, 2560, 8192));
}

TEST(Loader, FileThatShrinksMeanwhile) {
  Loaded l(arm64_image(0, 1_MiB, 50000), arm_ram, Arch::aarch64);
  ASSERT_EQ(::ftruncate(l.fd.get(), 30000), 0);
  auto stats = load_kernel(l.ram, *l.file, l.image);
  ASSERT_FALSE(stats);
  EXPECT_NE(stats.error().message.find("ends at 0x7530"), std::string::npos)
      << stats.error().message;
}

TEST(Loader, InitrdIsReadWhole) {
  Blob content = pattern(12345);
  for (LoadMethod method : {LoadMethod::read, LoadMethod::map}) {
    Loaded l(content, arm_ram, Arch::aarch64);
    GuestRange where{GuestAddress(0x4100'0000), content.size()};
    ASSERT_TRUE(load_file(l.ram, *l.file, where, {.method = method}));
    EXPECT_EQ(l.bytes(0x4100'0000, content.size()), content);
    EXPECT_FALSE(load_file(l.ram, *l.file, {GuestAddress(0x43ff'f000), content.size()}));
  }
}

#if PV_HAVE_Z
TEST(Loader, GzipImage) {
  Blob content = arm64_image(0, 1_MiB, 300000);
  for (const Blob& packed : {gzip(content), zboot(gzip(content), "gzip")}) {
    Loaded l(packed, arm_ram, Arch::aarch64);
    auto stats = load_kernel(l.ram, *l.file, l.image);
    ASSERT_TRUE(stats) << stats.error().message;
    EXPECT_EQ(stats->inflated, content.size());
    EXPECT_EQ(l.bytes(0x4000'0000, content.size()), content);
  }
}

TEST(Loader, GzipElf) {
  // In the file the segments stand in another order than in memory.
  Blob content =
      elf(em_aarch64, 0x4010'0000,
          {{0x4010'0000, 0x5000, 0x800, 0x900}, {0x4020'0000, 0x1000, 0x2000, 0x2000}}, 0x9000);
  Loaded l(gzip(content), arm_ram, Arch::aarch64);
  ASSERT_TRUE(l.ram.fill(GuestAddress(0x4010'0000), 0x2000, 0xee));
  auto stats = load_kernel(l.ram, *l.file, l.image, {.ram_is_zero = false});
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_EQ(l.bytes(0x4010'0000, 0x800), part(content, 0x5000, 0x800));
  EXPECT_EQ(l.bytes(0x4010'0800, 0x100), Blob(0x100));
  EXPECT_EQ(l.bytes(0x4020'0000, 0x2000), part(content, 0x1000, 0x2000));
}

std::string load_error(const Blob& content) {
  Loaded l(content, arm_ram, Arch::aarch64);
  auto stats = load_kernel(l.ram, *l.file, l.image);
  return stats ? "loaded" : stats.error().message;
}

TEST(Loader, BrokenStreams) {
  Blob good = gzip(arm64_image(0, 1_MiB, 300000));
  EXPECT_EQ(load_error(good), "loaded");
  Blob b = good;
  b[b.size() - 8] ^= 1;  // the checksum
  EXPECT_NE(load_error(b).find("incorrect data check"), std::string::npos) << load_error(b);
  b = part(good, 0, good.size() / 2);
  EXPECT_NE(load_error(b).find("cut off"), std::string::npos) << load_error(b);
  // A bomb is stopped where the image says that it ends.
  Blob bomb(8_MiB);
  std::memcpy(bomb.data(), arm64_image(0, 1_MiB, 64).data(), 64);
  EXPECT_NE(load_error(gzip(bomb)).find("larger than the 0x100000 bytes"), std::string::npos);
  // Segments that share file bytes cannot come out of a stream.
  b = elf(em_aarch64, 0x4010'0000,
          {{0x4010'0000, 0x1000, 0x800, 0x900}, {0x4020'0000, 0x1400, 0x10, 0x10}}, 0x2000);
  EXPECT_NE(load_error(gzip(b)).find("same bytes"), std::string::npos);
  b = elf(em_aarch64, 0x4010'0000, {{0x4010'0000, 0x1000, 0x8000, 0x8000}}, 0x2000);
  EXPECT_NE(load_error(gzip(b)).find("truncated"), std::string::npos);
}
#endif

#if PV_HAVE_ZSTD
TEST(Loader, ZstdImage) {
  Blob content = arm64_image(0, 1_MiB, 300000);
  Blob packed = zstd(content);
  Loaded l(zboot(packed, "zstd22"), arm_ram, Arch::aarch64);
  auto stats = load_kernel(l.ram, *l.file, l.image);
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_EQ(l.bytes(0x4000'0000, content.size()), content);
  EXPECT_NE(load_error(part(packed, 0, packed.size() - 3)).find("cut off"), std::string::npos);
}
#endif

#if PV_HAVE_LZMA
TEST(Loader, XzImage) {
  Blob content = arm64_image(0, 1_MiB, 300000);
  Blob packed = xz(content);
  Loaded l(packed, arm_ram, Arch::aarch64);
  auto stats = load_kernel(l.ram, *l.file, l.image);
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_EQ(l.bytes(0x4000'0000, content.size()), content);
  EXPECT_NE(load_error(part(packed, 0, packed.size() - 3)).find("cut off"), std::string::npos);
  packed[packed.size() / 2] ^= 0x10;
  EXPECT_NE(load_error(packed).find("xz stream is broken"), std::string::npos);
}
#endif

}  // namespace
}  // namespace pv::boot
