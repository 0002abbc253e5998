#include <gtest/gtest.h>

#include "base/endian.h"
#include "base/text.h"
#include "boot/pvh.h"
#include "boot/zero_page.h"

namespace pv::boot {
namespace {

const E820Entry map[] = {{{GuestAddress(0), 0x9fc00}},
                         {{GuestAddress(0xe0000), 0x20000}, E820Entry::Type::reserved},
                         {{GuestAddress(1_MiB), 8_GiB}}};

template <class T>
auto at(Bytes b, usize offset) {
  return load_as<T>(b, offset);
}

KernelImage bzimage() {
  KernelImage image;
  image.format = Format::bzimage;
  image.protocol = EntryProtocol::x86_linux64;
  image.x86.header_size = 0x26c - 0x1f1;
  image.x86.header[0] = 4;
  image.x86.header[0x202 - 0x1f1] = 'H';
  image.x86.header[0x211 - 0x1f1] = 0x81;
  image.x86.cmdline_size = 100;
  return image;
}

TEST(ZeroPage, CopiesTheHeaderAndFillsWhatTheLoaderOwns) {
  ZeroPage wanted{.memory_map = map,
                  .command_line = GuestAddress(0x2'0000),
                  .initrd = {GuestAddress(0x1'2345'6000), 0x2'0000'0789},
                  .rsdp = GuestAddress(0xe0000)};
  auto page = build_zero_page(bzimage(), wanted);
  ASSERT_TRUE(page);
  EXPECT_EQ((*page)[0x1f1], 4);
  EXPECT_EQ((*page)[0x202], 'H');
  EXPECT_EQ((*page)[0x210], 0xff);
  EXPECT_EQ((*page)[0x211], 0x81);
  EXPECT_EQ(u32{at<Le32>(*page, 0x218)}, 0x2345'6000u);
  EXPECT_EQ(u32{at<Le32>(*page, 0x0c0)}, 1u);
  EXPECT_EQ(u32{at<Le32>(*page, 0x21c)}, 0x789u);
  EXPECT_EQ(u32{at<Le32>(*page, 0x0c4)}, 2u);
  EXPECT_EQ(u32{at<Le32>(*page, 0x228)}, 0x2'0000u);
  EXPECT_EQ(u64{at<Le64>(*page, 0x070)}, 0xe0000u);
  EXPECT_EQ((*page)[0x1e8], 3);
  EXPECT_EQ((*page)[0x1ef], 0);  // the sentinel
  EXPECT_EQ(u64{at<Le64>(*page, 0x2d0 + 20)}, 0xe0000u);
  EXPECT_EQ(u32{at<Le32>(*page, 0x2d0 + 20 + 16)}, 2u);
  EXPECT_EQ(u64{at<Le64>(*page, 0x2d0 + 40 + 8)}, 8_GiB);
}

TEST(ZeroPage, OfABareProgramHasItsOwnHeader) {
  KernelImage image;
  image.protocol = EntryProtocol::x86_linux64;
  auto page = build_zero_page(image, {.memory_map = map, .command_line = GuestAddress(0x2'0000)});
  ASSERT_TRUE(page);
  EXPECT_EQ(u16{at<Le16>(*page, 0x1fe)}, 0xaa55);
  EXPECT_EQ(u32{at<Le32>(*page, 0x202)}, 0x53726448u);
  EXPECT_GE(u16{at<Le16>(*page, 0x206)}, 0x20c);
  EXPECT_EQ(u32{at<Le32>(*page, 0x218)}, 0u);
}

TEST(ZeroPage, HoldsAtMost128Ranges) {
  std::vector<E820Entry> many(129, map[0]);
  EXPECT_FALSE(build_zero_page(bzimage(), {.memory_map = many, .command_line = {}}));
  many.pop_back();
  EXPECT_TRUE(build_zero_page(bzimage(), {.memory_map = many, .command_line = {}}));
}

TEST(CommandLine, LimitComesFromTheKernel) {
  EXPECT_TRUE(check_command_line(bzimage(), std::string(100, 'x')));
  auto result = check_command_line(bzimage(), std::string(101, 'x'));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Error::Kind::usage);
  EXPECT_NE(result.error().message.find("101"), std::string::npos);
  EXPECT_NE(result.error().message.find("at most 100"), std::string::npos);
  KernelImage arm;
  EXPECT_TRUE(check_command_line(arm, std::string(2047, 'x')));
  EXPECT_FALSE(check_command_line(arm, std::string(2048, 'x')));
  EXPECT_FALSE(check_command_line(arm, std::string_view("a\0b", 3)));
}

TEST(Pvh, StartInfoPointsToWhatFollows) {
  constexpr u64 base = 0x6000;
  std::vector<u8> b = build_pvh_start({.at = GuestAddress(base),
                                       .memory_map = map,
                                       .command_line = GuestAddress(0x2'0000),
                                       .initrd = {GuestAddress(64_MiB), 1234},
                                       .rsdp = GuestAddress(0xe0000)});
  ASSERT_EQ(b.size(), 56u + 32 + 3 * 24);
  EXPECT_EQ(u32{at<Le32>(b, 0)}, 0x336ec578u);
  EXPECT_EQ(u32{at<Le32>(b, 4)}, 1u);
  EXPECT_EQ(u32{at<Le32>(b, 12)}, 1u);
  EXPECT_EQ(u64{at<Le64>(b, 16)}, base + 56);
  EXPECT_EQ(u64{at<Le64>(b, 24)}, 0x2'0000u);
  EXPECT_EQ(u64{at<Le64>(b, 32)}, 0xe0000u);
  EXPECT_EQ(u64{at<Le64>(b, 40)}, base + 56 + 32);
  EXPECT_EQ(u32{at<Le32>(b, 48)}, 3u);
  EXPECT_EQ(u64{at<Le64>(b, 56)}, 64_MiB);
  EXPECT_EQ(u64{at<Le64>(b, 64)}, 1234u);
  EXPECT_EQ(u32{at<Le32>(b, 88 + 24 + 16)}, 2u);

  b = build_pvh_start({.at = GuestAddress(base), .memory_map = map});
  EXPECT_EQ(b.size(), 56u + 3 * 24);
  EXPECT_EQ(u32{at<Le32>(b, 12)}, 0u);
  EXPECT_EQ(u64{at<Le64>(b, 16)}, 0u);
}

}  // namespace
}  // namespace pv::boot
