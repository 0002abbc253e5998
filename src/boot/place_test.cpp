#include <gtest/gtest.h>

#include "base/text.h"
#include "boot/loader.h"

namespace pv::boot {
namespace {

KernelImage kernel(Format format, u64 base, u64 size) {
  KernelImage image;
  image.format = format;
  image.memory.push_back({GuestAddress(base), size});
  image.segments.push_back({.dest = GuestAddress(base), .file_size = size, .memory_size = size});
  return image;
}
GuestRange ram_at(u64 base, u64 size) { return {GuestAddress(base), size}; }

constexpr u64 arm_base = 0x4000'0000;
constexpr PlaceRequest usual{.initrd_size = 1'000'001, .tree_size = 64_KiB};

TEST(Place, Arm64ImageHasTreeInTheTopBlockAndInitrdBelow) {
  GuestRange ram[] = {ram_at(arm_base, 128_MiB)};
  auto layout =
      place(kernel(Format::arm64_image, arm_base, 20_MiB), target_for(Arch::aarch64, ram), usual);
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->tree.base.value(), arm_base + 126_MiB);
  EXPECT_EQ(layout->tree.size, 64_KiB);
  EXPECT_EQ(layout->initrd.size, 1'000'001u);
  EXPECT_EQ(layout->initrd.base.value(), align_down(arm_base + 126_MiB - 1'000'001, 4096));
}

TEST(Place, StaysWithinTheFirstGiB) {
  GuestRange ram[] = {ram_at(arm_base, 8_GiB)};
  auto layout =
      place(kernel(Format::arm64_image, arm_base, 20_MiB), target_for(Arch::aarch64, ram), usual);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->tree.base.value(), arm_base + 1_GiB - 2_MiB);
  // What does not fit there goes higher.
  layout = place(kernel(Format::arm64_image, arm_base, 20_MiB), target_for(Arch::aarch64, ram),
                 {.initrd_size = 2_GiB, .tree_size = 64_KiB});
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->initrd.end(), arm_base + 8_GiB);
}

TEST(Place, Arm64InitrdStaysInTheImagesWindow) {
  GuestRange ram[] = {ram_at(arm_base, 64_GiB)};
  auto layout = place(kernel(Format::arm64_image, arm_base, 20_MiB), target_for(Arch::aarch64, ram),
                      {.initrd_size = 2_GiB, .tree_size = 0});
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->initrd.end(), arm_base + 32_GiB);
  EXPECT_FALSE(place(kernel(Format::arm64_image, arm_base, 20_MiB), target_for(Arch::aarch64, ram),
                     {.initrd_size = 33_GiB, .tree_size = 0}));
}

TEST(Place, Arm64ElfFindsTheTreeAtTheStartOfRam) {
  GuestRange ram[] = {ram_at(arm_base, 128_MiB)};
  Target target = target_for(Arch::aarch64, ram);
  auto layout = place(kernel(Format::elf64, arm_base + 1_MiB, 1_MiB), target, usual);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->tree.base.value(), arm_base);
  layout = place(kernel(Format::elf64, arm_base + 1_MiB - 1, 1_MiB), target, usual);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->tree.base.value(), arm_base + 126_MiB);
  layout = place(kernel(Format::flat, arm_base + 512_KiB, 1_MiB), target, usual);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->tree.base.value(), arm_base + 126_MiB);
}

TEST(Place, SmallRamStillKeepsTheTreeInsideOneBlock) {
  GuestRange ram[] = {ram_at(arm_base, 1_MiB)};
  auto layout = place(kernel(Format::flat, arm_base, 4096), target_for(Arch::aarch64, ram),
                      {.initrd_size = 0, .tree_size = 20'000});
  ASSERT_TRUE(layout) << layout.error().message;
  u64 first = layout->tree.base.value(), last = layout->tree.end() - 1;
  EXPECT_EQ(first / 2_MiB, last / 2_MiB);
  EXPECT_TRUE(is_aligned(first, 8));
}

TEST(Place, NothingOverlaps) {
  GuestRange ram[] = {ram_at(arm_base, 16_MiB)};
  KernelImage image = kernel(Format::elf64, arm_base, 4096);
  image.memory.push_back({GuestAddress(arm_base + 13_MiB), 3_MiB});  // the top is the kernel's
  Reserved reserved[] = {{ram_at(arm_base + 9_MiB, 4096), "something"}};
  Target target = target_for(Arch::aarch64, ram, reserved);
  auto layout = place(image, target, {.initrd_size = 5_MiB, .tree_size = 64_KiB});
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->tree.base.value(), arm_base + 12_MiB);
  EXPECT_EQ(layout->initrd.end(), arm_base + 9_MiB);
}

TEST(Place, RiscvTreeIsHigh) {
  GuestRange ram[] = {ram_at(0x8000'0000, 128_MiB)};
  auto layout =
      place(kernel(Format::flat, 0x8020'0000, 4096), target_for(Arch::riscv64, ram), usual);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->tree.base.value(), 0x8000'0000 + 126_MiB);
}

TEST(Place, X86InitrdObeysInitrdAddrMax) {
  GuestRange ram[] = {ram_at(0, 0xa0000), ram_at(1_MiB, 3071_MiB), ram_at(4_GiB, 4_GiB)};
  KernelImage image = kernel(Format::bzimage, 16_MiB, 40_MiB);
  image.x86.initrd_addr_max = 0x7fff'ffff;
  Target target = target_for(Arch::x86_64, ram);
  auto layout = place(image, target, {.initrd_size = 10_MiB, .tree_size = 0});
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->initrd.end(), 0x8000'0000u);
  EXPECT_EQ(layout->tree.size, 0u);
  layout = place(kernel(Format::elf64, 16_MiB, 40_MiB), target, {.initrd_size = 10_MiB});
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->initrd.end(), 3072_MiB);
  // Not below 1 MiB, even where a hole is free.
  image = kernel(Format::elf64, 1_MiB, 3071_MiB);
  EXPECT_FALSE(place(image, target, {.initrd_size = 4096}));
}

TEST(Place, PowerpcStaysInTheSmallestMappingWherePossible) {
  GuestRange ram[] = {ram_at(0, 512_MiB)};
  Target target = target_for(Arch::powerpc, ram);
  PlaceRequest request = usual;
  request.waiting_size = 4096;
  auto layout = place(kernel(Format::elf32, 0, 8_MiB), target, request);
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->tree.base.value(), 62_MiB);
  EXPECT_EQ(layout->waiting.base.value(), 64_MiB - 4096);
  EXPECT_EQ(layout->initrd.base.value(), align_down(62_MiB - 1'000'001, 4096));
  // A large initrd goes higher, a larger one than the linear mapping of a 32-bit kernel nowhere.
  request.initrd_size = 100_MiB;
  layout = place(kernel(Format::elf32, 0, 8_MiB), target, request);
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->tree.base.value(), 62_MiB);
  EXPECT_EQ(layout->initrd.end(), 512_MiB);
  GuestRange more[] = {ram_at(0, 2_GiB)};
  request.initrd_size = 700_MiB;
  layout = place(kernel(Format::elf32, 0, 8_MiB), target_for(Arch::powerpc, more), request);
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_LE(layout->initrd.end(), 768_MiB);
  request.initrd_size = 800_MiB;
  EXPECT_FALSE(place(kernel(Format::elf32, 0, 8_MiB), target_for(Arch::powerpc, more), request));
}

// r3 = 0 would mean "no tree", and KVM for e500v2 shows a page of its own at address 0.
TEST(Place, PowerpcPutsNothingAtAddressZero) {
  struct Case {
    u64 ram, kernel, size, initrd, waiting;
  };
  const Case cases[] = {
      {2_MiB, 1_MiB, 200_KiB, 0, 0},        {2_MiB, 1_MiB, 200_KiB, 0, 4096},
      {2_MiB, 1_MiB, 1_MiB, 512_KiB, 4096}, {64_MiB, 2_MiB, 62_MiB, 0, 4096},
      {66_MiB, 2_MiB, 62_MiB, 0, 4096},     {66_MiB, 2_MiB, 60_MiB, 2_MiB, 0},
      {66_MiB, 2_MiB, 62_MiB, 1_MiB, 4096}, {1_MiB, 512_KiB, 400_KiB, 0, 4096},
      {64_MiB, 2_MiB, 62_MiB, 1_MiB, 4096},
  };
  for (const Case& c : cases) {
    GuestRange ram[] = {ram_at(0, c.ram)};
    auto image = kernel(Format::elf32, c.kernel, c.size);
    auto layout = place(image, target_for(Arch::powerpc, ram),
                        {.initrd_size = c.initrd, .tree_size = 40_KiB, .waiting_size = c.waiting});
    std::string what = text("{:#x} of RAM, {:#x} kernel", c.ram, c.size);
    ASSERT_TRUE(layout) << what << ": " << layout.error().message;
    for (const GuestRange& range : {layout->tree, layout->initrd, layout->waiting}) {
      if (range.size == 0) continue;
      EXPECT_GE(range.base.value(), 4096u) << what;
      EXPECT_LE(range.end(), c.ram) << what;
      EXPECT_FALSE(range.overlaps(image.extent())) << what;
    }
    EXPECT_EQ(layout->tree.base.value() / 2_MiB, (layout->tree.end() - 1) / 2_MiB) << what;
  }
  // Only the first page is left: that is no room.
  GuestRange ram[] = {ram_at(0, 64_MiB)};
  EXPECT_FALSE(place(kernel(Format::elf32, 4096, 64_MiB - 4096), target_for(Arch::powerpc, ram),
                     {.initrd_size = 0, .tree_size = 4096}));
}

TEST(Place, PowerpcPrefersHighMemoryToTheHoleBelowAProgram) {
  GuestRange ram[] = {ram_at(0, 128_MiB)};
  auto layout = place(kernel(Format::elf32, 2_MiB, 62_MiB), target_for(Arch::powerpc, ram),
                      {.initrd_size = 1_MiB, .tree_size = 64_KiB, .waiting_size = 4096});
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->tree.base.value(), 126_MiB);
  EXPECT_EQ(layout->waiting.end(), 128_MiB);
  EXPECT_EQ(layout->initrd.end(), 126_MiB);
}

TEST(Place, TooLittleMemorySaysHowMuch) {
  GuestRange ram[] = {ram_at(arm_base, 32_MiB)};
  Target target = target_for(Arch::aarch64, ram);
  auto layout = place(kernel(Format::arm64_image, arm_base, 20_MiB), target,
                      {.initrd_size = 50_MiB, .tree_size = 64_KiB});
  ASSERT_FALSE(layout);
  EXPECT_NE(layout.error().message.find("0x40000000-0x413fffff"), std::string::npos);
  EXPECT_NE(layout.error().message.find("52428800 bytes"), std::string::npos);
  EXPECT_NE(layout.error().hint.find("at least 75 MiB"), std::string::npos) << layout.error().hint;
  // And so much is enough.
  GuestRange more[] = {ram_at(arm_base, 75_MiB)};
  EXPECT_TRUE(place(kernel(Format::arm64_image, arm_base, 20_MiB), target_for(Arch::aarch64, more),
                    {.initrd_size = 50_MiB, .tree_size = 64_KiB}));
  EXPECT_FALSE(place(kernel(Format::arm64_image, arm_base, 20_MiB), target,
                     {.initrd_size = ~u64{0} - 5, .tree_size = 64_KiB}));
  const auto endless = place(kernel(Format::arm64_image, arm_base, 20_MiB), target,
                             {.initrd_size = max_guest_ram, .tree_size = 64_KiB});
  EXPECT_EQ(endless.error().hint, "no guest of this monitor can have so much RAM");
  EXPECT_FALSE(place(kernel(Format::arm64_image, arm_base, 20_MiB), target,
                     {.initrd_size = 0, .tree_size = 2_MiB + 1}));
}

}  // namespace
}  // namespace pv::boot
