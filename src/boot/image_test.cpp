#include "boot/image.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "boot/test_images.h"

namespace pv::boot {
namespace {

using namespace test;

constexpr GuestRange arm_ram[] = {{GuestAddress(0x4000'0000), 64_MiB}};
constexpr GuestRange riscv_ram[] = {{GuestAddress(0x8000'0000), 64_MiB}};
constexpr GuestRange x86_ram[] = {{GuestAddress(0), 0xa0000}, {GuestAddress(1_MiB), 127_MiB}};

Target target(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return target_for(arch, arm_ram);
    case Arch::riscv64: return target_for(arch, riscv_ram);
    default: return target_for(arch, x86_ram);
  }
}
constexpr Arch arm = Arch::aarch64, riscv = Arch::riscv64, x86 = Arch::x86_64;

Result<KernelImage> parse_blob(const Blob& content, const Target& t) {
  Fd fd = file_with(content);
  ImageFile file = TRY(ImageFile::open(fd.get(), "kernel"));
  return parse(file, t);
}
Result<KernelImage> parse_blob(const Blob& content, Arch arch) {
  return parse_blob(content, target(arch));
}

// Expects an error whose message has all of `parts`.
void refuses(const Result<KernelImage>& result, std::vector<std::string> parts,
             std::string hint = {}) {
  ASSERT_FALSE(result) << "parsed as " << describe(*result);
  EXPECT_EQ(result.error().kind, Error::Kind::image);
  EXPECT_EQ(result.error().message.rfind("kernel: ", 0), 0u) << result.error().message;
  for (const std::string& part : parts)
    EXPECT_NE(result.error().message.find(part), std::string::npos)
        << "\"" << part << "\" is not in: " << result.error().message;
  EXPECT_NE(result.error().hint.find(hint), std::string::npos) << result.error().hint;
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
}

// ---- what is accepted ---------------------------------------------------------------------------

TEST(Image, FlatBinaryGoesWhereTheContractSays) {
  struct {
    Arch arch;
    u64 at;
    EntryProtocol protocol;
  } cases[] = {{arm, 0x4008'0000, EntryProtocol::linux_arm64},
               {riscv, 0x8020'0000, EntryProtocol::riscv},
               {x86, 0x10'0000, EntryProtocol::x86_linux64}};
  for (auto& c : cases) {
    auto image = parse_blob(pattern(100), c.arch);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->format, Format::flat);
    EXPECT_EQ(image->protocol, c.protocol);
    EXPECT_EQ(image->entry.value(), c.at);
    ASSERT_EQ(image->segments.size(), 1u);
    EXPECT_EQ(image->segments[0].file_size, 100u);
    EXPECT_EQ(image->extent().base.value(), c.at);
    EXPECT_EQ(image->extent().size, 100u);
  }
}

TEST(Image, Arm64ImageOwnsItsImageSize) {
  auto image = parse_blob(arm64_image(0x1000, 3_MiB, 5000), arm);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(describe(*image), "arm64 Image");
  EXPECT_EQ(image->entry.value(), 0x4000'1000u);
  EXPECT_EQ(image->segments[0].file_size, 5000u);
  EXPECT_EQ(image->segments[0].memory_size, 3_MiB);
  EXPECT_EQ(image->memory[0].size, 3_MiB);
}

TEST(Image, Arm64ImageBefore317LiesAt0x80000) {
  auto image = parse_blob(arm64_image(0, 0, 5000), arm);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->entry.value(), 0x4008'0000u);
  EXPECT_EQ(image->memory[0].size, 5000u);
}

TEST(Image, RiscvImage) {
  auto image = parse_blob(riscv_image(2_MiB, 4_MiB, 5000), riscv);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(describe(*image), "RISC-V Image");
  EXPECT_EQ(image->entry.value(), 0x8020'0000u);
  EXPECT_EQ(image->protocol, EntryProtocol::riscv);
}

TEST(Image, BzImageIsEntered0x200AfterItsStart) {
  auto image = parse_blob(bzimage(8192, 16_MiB, 9 << 20), x86);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(describe(*image), "bzImage");
  EXPECT_EQ(image->protocol, EntryProtocol::x86_linux64);
  EXPECT_EQ(image->entry.value(), 16_MiB + 0x200);
  EXPECT_EQ(image->segments[0].file_offset, 5u * 512);
  EXPECT_EQ(image->segments[0].file_size, 8192u);
  EXPECT_EQ(image->memory[0].size, 9_MiB);
  EXPECT_EQ(image->x86.version, 0x20f);
  EXPECT_EQ(image->x86.cmdline_size, 2047u);
  EXPECT_EQ(image->x86.initrd_addr_max, 0x7fff'ffffu);
  EXPECT_EQ(image->x86.header_size, 0x202u + 0x6a - 0x1f1);
  EXPECT_EQ(image->x86.header[0], 4);
}

TEST(Image, ElfOfEachArchitecture) {
  struct {
    Arch arch;
    u16 machine;
    u64 at;
  } cases[] = {
      {arm, em_aarch64, 0x4010'0000}, {riscv, em_riscv, 0x8020'0000}, {x86, em_x86_64, 0x20'0000}};
  for (auto& c : cases) {
    auto image =
        parse_blob(elf(c.machine, c.at + 16,
                       {{c.at + 0x10000, 0x300, 0x10, 0x5000}, {c.at, 0x200, 0x100, 0x100}}, 0x400),
                   c.arch);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(describe(*image), "ELF64");
    EXPECT_EQ(image->entry.value(), c.at + 16);
    ASSERT_EQ(image->segments.size(), 2u);  // sorted by address
    EXPECT_EQ(image->segments[0].dest.value(), c.at);
    EXPECT_EQ(image->segments[1].memory_size, 0x5000u);
    ASSERT_EQ(image->memory.size(), 2u);
    EXPECT_EQ(image->extent().size, 0x15000u);
  }
}

TEST(Image, ElfEntryMayBeVirtual) {
  auto image = parse_blob(elf(em_aarch64, 0xffff'0000'0000'0040,
                              {{0x4010'0000, 0x200, 0x100, 0x100, 0xffff'0000'0000'0000}}, 0x400),
                          arm);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->entry.value(), 0x4010'0040u);
}

TEST(Image, ElfWithoutProgramHeadersInTheFirst4KiB) {
  Blob b = elf(em_aarch64, 0x4010'0000, {}, 0x3000);
  Blob other = elf(em_aarch64, 0, {{0x4010'0000, 0x100, 0x10, 0x10}}, 0x200);
  std::memcpy(b.data() + 0x2000, other.data() + 64, 56);
  put(b, 32, Le64(0x2000));
  put(b, 56, Le16(1));
  auto image = parse_blob(b, arm);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->segments[0].file_size, 0x10u);
}

TEST(Image, BigEndianElf32OnABigEndianMachine) {
  Target t = target_for(Arch::powerpc, x86_ram);
  auto image = parse_blob(elf(20, 0x10, {{0, 0x200, 0x100, 0x200}}, 0x400, false, true), t);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(describe(*image), "ELF32");
  EXPECT_EQ(image->protocol, EntryProtocol::epapr);
  EXPECT_EQ(image->segments[0].memory_size, 0x200u);
}

// Linux for PowerPC: linked at 0xc0000000 or 0xc000000000000000, loaded at 0.
TEST(Image, PowerpcVmlinuxIsEnteredWhereItLies) {
  Target t = target_for(Arch::powerpc, x86_ram);
  for (bool wide : {false, true}) {
    u64 linked = wide ? 0xc000'0000'0000'0000 : 0xc000'0000;
    auto image = parse_blob(
        elf(wide ? 21 : 20, linked + 0x10, {{0, 0x200, 0x100, 0x200, linked}}, 0x400, wide, true),
        t);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(describe(*image), wide ? "ELF64" : "ELF32");
    EXPECT_EQ(image->protocol, EntryProtocol::epapr);
    EXPECT_EQ(image->entry.value(), 0x10u);
    EXPECT_TRUE(looks_like_linux(*image));
  }
  refuses(parse_blob(elf(20, 0, {{0, 0x200, 0x100, 0x200}}, 0x400, false, false), t),
          {"little-endian", "big-endian"});
  refuses(parse_blob(arm64_image(0, 1_MiB, 5000), t), {"arm64", "powerpc"});
}

TEST(Image, PvhNoteDecidesTheEntry) {
  for (bool wide : {true, false}) {
    Blob b = elf(wide ? em_x86_64 : em_386, 0xffff'ffff,
                 {{1_MiB, 0x200, 0x200, 0x200}, {0, 0x380, 20, 20, 0, 4}}, 0x400, wide);
    put_pvh_note(b, 0x380, 0x10'0040);
    auto image = parse_blob(b, x86);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->protocol, EntryProtocol::x86_pvh);
    EXPECT_EQ(image->entry.value(), 0x10'0040u);
    EXPECT_EQ(describe(*image), wide ? "ELF64 by PVH" : "ELF32 by PVH");
  }
}

#if PV_HAVE_Z
TEST(Image, GzipAndZbootAreLookedInto) {
  Blob plain = arm64_image(0, 3_MiB, 70000);
  auto image = parse_blob(gzip(plain), arm);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(describe(*image), "arm64 Image (gzip)");
  EXPECT_EQ(image->memory[0].size, 3_MiB);
  EXPECT_TRUE(image->segments[0].up_to_end);

  Blob inner = gzip(riscv_image(2_MiB, 3_MiB, 70000));
  image = parse_blob(zboot(inner, "gzip"), riscv);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(describe(*image), "RISC-V Image (EFI zboot, gzip)");
  EXPECT_EQ(image->payload_offset, 128u);
  EXPECT_EQ(image->payload_size, inner.size());

  image = parse_blob(gzip(pattern(9000)), x86);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->format, Format::flat);
  EXPECT_EQ(image->memory[0].size, 9000u);
}
#endif

#if PV_HAVE_ZSTD
TEST(Image, ZstdIsLookedInto) {
  auto image = parse_blob(zstd(arm64_image(0, 3_MiB, 70000)), arm);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(describe(*image), "arm64 Image (zstd)");
  image = parse_blob(zboot(zstd(arm64_image(0, 3_MiB, 70000)), "zstd22"), arm);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(describe(*image), "arm64 Image (EFI zboot, zstd)");
}
#endif

#if PV_HAVE_LZMA
TEST(Image, XzIsLookedInto) {
  auto image = parse_blob(xz(riscv_image(2_MiB, 3_MiB, 70000)), riscv);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(describe(*image), "RISC-V Image (xz)");
  image = parse_blob(zboot(xz(arm64_image(0, 3_MiB, 70000)), "xzkern"), arm);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(describe(*image), "arm64 Image (EFI zboot, xz)");
}
#endif

// ---- what is refused ----------------------------------------------------------------------------

TEST(Image, EmptyFile) { refuses(parse_blob({}, arm), {"empty"}); }

TEST(Image, WrongArchitectureNamesBoth) {
  refuses(parse_blob(arm64_image(0, 1_MiB, 5000), riscv), {"arm64", "riscv64"});
  refuses(parse_blob(riscv_image(2_MiB, 1_MiB, 5000), arm), {"RISC-V", "aarch64"});
  refuses(parse_blob(bzimage(8192, 1_MiB, 8192), arm), {"x86", "aarch64"});
  refuses(parse_blob(elf(em_x86_64, 0, {{0, 0x200, 1, 1}}, 0x400), riscv), {"x86_64", "riscv64"});
  refuses(parse_blob(elf(em_riscv, 0, {{0, 0x200, 1, 1}}, 0x400), x86), {"RISC-V", "x86_64"});
  refuses(parse_blob(elf(em_arm, 0, {{0, 0x200, 1, 1}}, 0x400, false), arm),
          {"32-bit Arm", "aarch64"});
  refuses(parse_blob(elf(9999, 0, {{0, 0x200, 1, 1}}, 0x400), arm), {"machine 9999", "aarch64"});
}

TEST(Image, BigEndianKernels) {
  Blob b = arm64_image(0, 1_MiB, 5000);
  put(b, 24, Le64(1));
  refuses(parse_blob(b, arm), {"big-endian"}, "CONFIG_CPU_LITTLE_ENDIAN");
  b = riscv_image(2_MiB, 1_MiB, 5000);
  put(b, 24, Le64(1));
  refuses(parse_blob(b, riscv), {"big-endian"});
  refuses(parse_blob(elf(em_aarch64, 0, {{0x4010'0000, 0x200, 1, 1}}, 0x400, true, true), arm),
          {"big-endian"});
}

TEST(Image, ThirtyTwoBitElfOnA64BitMachine) {
  refuses(parse_blob(elf(em_aarch64, 0x4010'0000, {{0x4010'0000, 0x200, 1, 1}}, 0x400, false), arm),
          {"32-bit"}, "64-bit");
  refuses(parse_blob(elf(em_riscv, 0x8010'0000, {{0x8010'0000, 0x200, 1, 1}}, 0x400, false), riscv),
          {"32-bit"});
  refuses(parse_blob(elf(em_386, 1_MiB, {{1_MiB, 0x200, 1, 1}}, 0x400, false), x86),
          {"32-bit", "PVH"}, "multiboot");
}

TEST(Image, SixtyFourBitElfWhereGuestsHave32Bits) {
  Target t = target_for(Arch::powerpc, x86_ram);
  const Blob wide = elf(21, 0x10, {{0, 0x200, 0x100, 0x100}}, 0x400, true, true);
  EXPECT_TRUE(parse_blob(wide, t));
  t.only_32_bits = "this host's kernel has 32 bits";
  refuses(parse_blob(wide, t), {"a 64-bit ELF file"},
          "this host's kernel has 32 bits; give a 32-bit kernel");
  EXPECT_TRUE(parse_blob(elf(20, 0x10, {{0, 0x200, 0x100, 0x100}}, 0x400, false, true), t));
}

// A processor rounds such an address without a word, and runs what lies there.
TEST(Image, EntryPointBetweenInstructionsIsRefused) {
  struct {
    u16 machine;
    Arch arch;
    u64 at;
    u64 alignment;
    bool wide, big;
  } cases[] = {{em_aarch64, arm, 0x4010'0000, 4, true, false},
               {em_riscv, riscv, 0x8010'0000, 2, true, false},
               {em_x86_64, x86, 1_MiB, 1, true, false},
               {20, Arch::powerpc, 0x1000, 4, false, true}};
  for (const auto& c : cases)
    for (u64 past : {0u, 1u, 2u, 3u, 4u}) {
      auto image = parse_blob(
          elf(c.machine, c.at + past, {{c.at, 0x200, 0x100, 0x100}}, 0x400, c.wide, c.big),
          c.arch == Arch::powerpc ? target_for(c.arch, x86_ram) : target(c.arch));
      if (past % c.alignment == 0)
        EXPECT_TRUE(image) << image.error().message;
      else
        refuses(image,
                {text("entry point at {:#x}", c.at + past), text("multiples of {}", c.alignment)});
    }
}

TEST(Image, ElfOutsideRamNamesTheAddresses) {
  refuses(parse_blob(elf(20, 0xc000'0000, {{0xc000'0000, 0x200, 0x10, 0x10}}, 0x400, false, true),
                     target_for(Arch::powerpc, x86_ram)),
          {"0xc0000000-0xc000000f"}, "give a uImage instead of vmlinux");
  refuses(parse_blob(elf(em_aarch64, 0x1000, {{0x1000, 0x200, 0x10, 0x10}}, 0x400), arm),
          {"0x1000-0x100f", "0x40000000-0x43ffffff"}, "0x40080000");
  refuses(parse_blob(elf(em_aarch64, 0, {{0, 0x200, 0x10, 0x10}}, 0x400, true, false, 3), arm),
          {"0x0-0xf"}, "position-independent");
  refuses(parse_blob(elf(em_aarch64, 0xffff'8000'8000'0000,
                         {{0xffff'8000'8000'0000, 0x200, 0x10, 0x10}}, 0x400, true, false, 3),
                     arm),
          {"0xffff800080000000"}, "the Image");
  refuses(
      parse_blob(elf(em_aarch64, 0x4300'0000, {{0x4300'0000, 0x200, 0x10, 32_MiB}}, 0x400), arm),
      {"0x43000000-0x44ffffff"}, "at least 80 MiB");
  refuses(parse_blob(elf(em_x86_64, 0x9'0000, {{0x9'0000, 0x200, 0x10, 0x20000}}, 0x400), x86),
          {"0x90000-0xaffff"});
}

TEST(Image, ElfThatWrapsOrOverlaps) {
  refuses(parse_blob(elf(em_aarch64, 0, {{~u64{0} - 5, 0x200, 0x10, 0x10}}, 0x400), arm),
          {"wraps"});
  refuses(parse_blob(elf(em_aarch64, 0, {{0x4010'0000, 0x200, 0x10, ~u64{0} - 0x10}}, 0x400), arm),
          {"wraps"});
  refuses(
      parse_blob(elf(em_aarch64, 0x4010'0000,
                     {{0x4010'0000, 0x200, 0x10, 0x1000}, {0x4010'0800, 0x210, 0x10, 0x10}}, 0x400),
                 arm),
      {"0x40100000-0x40100fff", "0x40100800-0x4010080f"});
}

TEST(Image, BrokenElfHeaders) {
  Blob good = elf(em_aarch64, 0x4010'0000, {{0x4010'0000, 0x200, 0x100, 0x100}}, 0x400);
  ASSERT_TRUE(parse_blob(good, arm));
  refuses(parse_blob(Blob(good.begin(), good.begin() + 0x280), arm), {"truncated", "0x280"});
  refuses(parse_blob(Blob(good.begin(), good.begin() + 80), arm), {"truncated", "program headers"});
  refuses(parse_blob(Blob(good.begin(), good.begin() + 40), arm), {"cut off after 40"});
  Blob b = good;
  b[4] = 7;
  refuses(parse_blob(b, arm), {"class 7"});
  b = good;
  put(b, 54, Le16(12));
  refuses(parse_blob(b, arm), {"program headers of 12 bytes"});
  b = good;
  put(b, 56, Le16(0xffff));
  refuses(parse_blob(b, arm), {"65535 program headers"});
  b = good;
  put(b, 32, Le64(~u64{0} - 7));
  refuses(parse_blob(b, arm), {"0xfffffffffffffff8"});
  b = good;
  put(b, 64 + 8, Le64(~u64{0} - 7));  // p_offset
  refuses(parse_blob(b, arm), {"truncated"});
  b = good;
  put(b, 64 + 40, Le64(0x10));  // p_memsz < p_filesz
  refuses(parse_blob(b, arm), {"0x100", "0x10 in memory"});
  refuses(parse_blob(elf(em_aarch64, 0, {}, 0x400), arm), {"without program headers"});
  refuses(parse_blob(elf(em_aarch64, 0, {{0, 0, 0, 0}}, 0x400), arm),
          {"without loadable segments"});
  refuses(parse_blob(elf(em_aarch64, 0x4020'0000, {{0x4010'0000, 0x200, 1, 1}}, 0x400), arm),
          {"entry point", "0x40200000", "0x40100000"});
  refuses(parse_blob(elf(em_aarch64, 0, {{0x4010'0000, 0x200, 1, 1}}, 0x400, true, false, 1), arm),
          {"never linked"});
  refuses(parse_blob(elf(em_aarch64, 0, {{0x4010'0000, 0x200, 1, 1}}, 0x400, true, false, 4), arm),
          {"core dump"});
  refuses(parse_blob(elf(em_aarch64, 0, {{0, 0x200, 1, 1, 0, 3}}, 0x400), arm),
          {"dynamically linked"});
}

TEST(Image, PvhEntryOutsideTheKernel) {
  Blob b = elf(em_x86_64, 0, {{1_MiB, 0x200, 0x200, 0x200}, {0, 0x380, 20, 20, 0, 4}}, 0x400);
  put_pvh_note(b, 0x380, 0x50'0000);
  refuses(parse_blob(b, x86), {"PVH", "0x500000"});
}

TEST(Image, ReservedMemoryIsNotLoadedOver) {
  Reserved reserved[] = {{{GuestAddress(0x9000), 0x4000}, "the page tables"}};
  Target t = target_for(x86, x86_ram, reserved);
  refuses(parse_blob(elf(em_x86_64, 0xc000, {{0xc000, 0x200, 0x10, 0x10}}, 0x400), t),
          {"the page tables", "0x9000-0xcfff", "0xc000-0xc00f"});
  EXPECT_TRUE(parse_blob(elf(em_x86_64, 0xd000, {{0xd000, 0x200, 0x10, 0x10}}, 0x400), t));
}

TEST(Image, ProgramsOfAnotherBoard) {
  refuses(parse_blob(elf(em_aarch64, 0x10'0000, {{0x10'0000, 0x200, 0x10, 0x10}}, 0x400), arm),
          {"but guest RAM is 0x40000000"}, "the --board whose RAM is there");
}

TEST(Image, ImagesThatNeedMoreMemory) {
  refuses(parse_blob(arm64_image(0, 100_MiB, 5000), arm),
          {"0x40000000-0x463fffff", "0x40000000-0x43ffffff"}, "at least 100 MiB");
  refuses(parse_blob(bzimage(8192, 16_MiB, 200 << 20), x86), {"0x1000000-"}, "at least 216 MiB");
  refuses(parse_blob(arm64_image(0, ~u64{0} - 3, 5000), arm), {"header is broken"});
  refuses(parse_blob(arm64_image(~u64{0} - 3, 1_MiB, 5000), arm), {"header is broken"});
  refuses(parse_blob(riscv_image(0x400'1000, 1_MiB, 5000), riscv), {"0x4001000", "2 MiB"});
}

TEST(Image, BrokenBzImages) {
  Blob good = bzimage(8192, 1_MiB, 8192);
  ASSERT_TRUE(parse_blob(good, x86));
  refuses(parse_blob(Blob(good.begin(), good.end() - 1), x86), {"truncated", "10752", "10751"});
  refuses(parse_blob(Blob(good.begin(), good.begin() + 0x240), x86), {"cut off after 576"});
  Blob b = good;
  put(b, 0x206, Le16(0x20b));
  refuses(parse_blob(b, x86), {"64-bit entry point", "2.11"});
  b = good;
  put(b, 0x236, Le16(0));
  refuses(parse_blob(b, x86), {"64-bit entry point"});
  b = good;
  put(b, 0x258, Le64(~u64{0} - 3));
  refuses(parse_blob(b, x86), {"wraps"});
  b = good;
  put(b, 0x1f4, Le32(1));
  refuses(parse_blob(b, x86), {"no code"});
}

TEST(Image, TruncatedImageIsSeenByItsPeSections) {
  Blob b = arm64_image(0, 1_MiB, 0x2000);
  put(b, 60, Le32(64));
  put(b, 64, std::string_view("PE\0\0", 4));
  put(b, 64 + 6, Le16(1));
  put(b, 64 + 20, Le16(16));
  put(b, 64 + 24 + 16 + 16, Le32(0x1000));
  put(b, 64 + 24 + 16 + 20, Le32(0x1000));
  EXPECT_TRUE(parse_blob(b, arm));
  b.resize(0x1fff);
  refuses(parse_blob(b, arm), {"truncated", "0x2000", "0x1fff"});
}

TEST(Image, FilesThatAreNoKernels) {
  auto with = [](std::string_view magic, usize at = 0) {
    Blob b = pattern(0x9000);
    put(b, at, magic);
    return b;
  };
  using namespace std::string_view_literals;
  refuses(parse_blob(with("BZh9"sv), arm), {"bzip2"}, "decompress");
  refuses(parse_blob(with("\x04\x22\x4d\x18"sv), arm), {"lz4"});
  refuses(parse_blob(with("\x02\x21\x4c\x18"sv), arm), {"lz4"});
  refuses(parse_blob(with("070701"sv), arm), {"cpio"}, "--initrd");
  refuses(parse_blob(with("\xd0\x0d\xfe\xed"sv), arm), {"device tree"}, "--dtb");
  refuses(parse_blob(with("QFI\xfb"sv), arm), {"qcow2"}, "--disk");
  refuses(parse_blob(with("\x53\xef"sv, 0x438), arm), {"ext4"}, "--disk");
  refuses(parse_blob(with("\x18\x28\x6f\x01"sv, 0x24), arm), {"zImage"});
  refuses(parse_blob(with("#!/bin/sh\n"sv), arm), {"script"});
  refuses(parse_blob(blob("hello, this is text\n"), arm), {"text file"});
  Blob pe = pattern(4096);
  put(pe, 0, "MZ"sv);
  put(pe, 0x3c, Le32(0x80));
  put(pe, 0x80, "PE\0\0"sv);
  refuses(parse_blob(pe, arm), {"EFI program"}, "Image");
}

#if PV_HAVE_Z
TEST(Image, BrokenWrappers) {
  Blob packed = gzip(arm64_image(0, 1_MiB, 70000));
  refuses(parse_blob(Blob(packed.begin(), packed.begin() + 20), arm), {"gzip", "cut off"});
  Blob b = packed;
  for (usize i = 10; i < 40; ++i) b[i] = 0xff;
  refuses(parse_blob(b, arm), {"gzip", "broken"});
  refuses(parse_blob(gzip(packed), arm), {"compressed twice"});
  refuses(parse_blob(gzip({}), arm), {"empty"});
  refuses(parse_blob(gzip(blob("070701000000")), arm), {"cpio"}, "--initrd");
  refuses(parse_blob(zboot(pattern(100), "lz4"), arm), {"zboot", "lz4"});
  b = zboot(packed, "gzip");
  b.resize(b.size() - 1);
  refuses(parse_blob(b, arm), {"zboot", "truncated"});
  b = zboot(packed, "gzip");
  put(b, 8, Le32(0xffff'ffff));
  refuses(parse_blob(b, arm), {"zboot", "0xffffffff"});
}

TEST(Image, HostileAnnouncedSizeIsBoundByRam) {
  Blob b = gzip(pattern(5000));
  put(b, b.size() - 4, Le32(0xffff'fff0));
  refuses(parse_blob(b, arm), {"guest RAM"});
  // An ELF in it that names headers at the end of the world is not unpacked to there.
  b = elf(em_aarch64, 0, {{0x4010'0000, 0x200, 1, 1}}, 0x400);
  put(b, 32, Le64(u64{1} << 50));
  refuses(parse_blob(gzip(b), arm), {"more than guest RAM"});
}
#endif

TEST(Image, EveryTruncationIsSurvived) {
  for (const Blob& whole :
       {elf(em_aarch64, 0x4010'0000, {{0x4010'0000, 0x200, 0x100, 0x100}}, 0x300),
        arm64_image(0, 1_MiB, 300), bzimage(1024, 1_MiB, 8192)})
    for (usize size = 0; size < whole.size(); size += 3)
      for (Arch arch : {arm, riscv, x86})
        (void)parse_blob(Blob(whole.begin(), whole.begin() + static_cast<long>(size)), arch);
}

}  // namespace
}  // namespace pv::boot
