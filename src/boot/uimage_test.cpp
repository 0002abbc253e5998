// uImages: what is accepted, both checksums, each refusal, and loading.
#include <gtest/gtest.h>

#include "base/text.h"
#include "boot/loader.h"
#include "boot/test_images.h"

namespace pv::boot {
namespace {

using namespace test;

constexpr GuestRange ram[] = {{GuestAddress(0), 64_MiB}};

Result<KernelImage> parse_blob(const Blob& content, Arch arch = Arch::powerpc) {
  Fd fd = file_with(content);
  ImageFile file = TRY(ImageFile::open(fd.get(), "kernel"));
  return parse(file, target_for(arch, ram));
}

void refuses(const Result<KernelImage>& result, std::vector<std::string> parts,
             std::string hint = {}) {
  ASSERT_FALSE(result) << "parsed as " << describe(*result);
  EXPECT_EQ(result.error().kind, Error::Kind::image);
  EXPECT_EQ(result.error().message.rfind("kernel: ", 0), 0u) << result.error().message;
  for (const std::string& part : parts)
    EXPECT_NE(result.error().message.find(part), std::string::npos)
        << "\"" << part << "\" is not in: " << result.error().message;
  EXPECT_NE(result.error().hint.find(hint), std::string::npos) << result.error().hint;
}

TEST(Uimage, GoesToItsLoadAddress) {
  auto image = parse_blob(uimage(pattern(5000), {.load = 0x1000, .entry = 0x1100}));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(describe(*image), "uImage");
  EXPECT_EQ(image->protocol, EntryProtocol::epapr);
  EXPECT_EQ(image->entry.value(), 0x1100u);
  ASSERT_EQ(image->segments.size(), 1u);
  EXPECT_EQ(image->segments[0].dest.value(), 0x1000u);
  EXPECT_EQ(image->segments[0].file_offset, 64u);
  EXPECT_EQ(image->segments[0].file_size, 5000u);
  EXPECT_TRUE(looks_like_linux(*image));
  // The header does not tell a kernel's bss: nothing else is put close behind it.
  EXPECT_EQ(image->extent().size, 5000 + 4_MiB);
  auto program = parse_blob(uimage(pattern(5000), {.os = 0, .type = 1}));
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ(program->extent().size, 5000u);
}

TEST(Uimage, IsLoadedWithoutItsHeader) {
  Blob content = pattern(70'000);
  std::vector<std::pair<const char*, Blob>> files = {
      {"uImage", uimage(content, {.load = 0x2000, .entry = 0x2000})}};
#if PV_HAVE_Z
  files.emplace_back("uImage (gzip)",
                     uimage(gzip(content), {.load = 0x2000, .entry = 0x2000, .compression = 1}));
#endif
#if PV_HAVE_ZSTD
  files.emplace_back("uImage (zstd)",
                     uimage(zstd(content), {.load = 0x2000, .entry = 0x2000, .compression = 6}));
#endif
  for (auto& [name, file_content] : files) {
    // Bytes behind the content, as padding leaves them, belong to nobody.
    file_content.resize(file_content.size() + 100, 0xee);
    Fd fd = file_with(file_content);
    auto file = ImageFile::open(fd.get(), "kernel");
    ASSERT_TRUE(file);
    auto image = parse(*file, target_for(Arch::powerpc, ram));
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(describe(*image), name);
    memory::GuestMemory memory;
    ASSERT_TRUE(memory.add(ram[0], memory::Backing::anonymous));
    auto loaded = load_kernel(memory, *file, *image);
    ASSERT_TRUE(loaded) << loaded.error().message;
    Blob out(content.size() + 10);
    ASSERT_TRUE(memory.read_bytes(GuestAddress(0x2000), out));
    EXPECT_EQ(Blob(out.begin(), out.end() - 10), content);
    EXPECT_EQ(Blob(out.end() - 10, out.end()), Blob(10));
  }
}

TEST(Uimage, EveryByteIsUnderAChecksum) {
  const Blob good = uimage(pattern(300));
  ASSERT_TRUE(parse_blob(good));
  for (usize at = 4; at < good.size(); ++at) {
    Blob bad = good;
    bad[at] ^= 0x10;
    refuses(parse_blob(bad), {at < 64 ? "header is damaged" : "content is damaged", "checksum"},
            "copy the file again");
  }
}

TEST(Uimage, TruncatedOrEmpty) {
  const Blob good = uimage(pattern(300));
  for (usize size : {usize{5}, usize{63}})
    refuses(parse_blob(Blob(good.begin(), good.begin() + static_cast<long>(size))),
            {"uImage cut off after", text("{}", size)});
  refuses(parse_blob(Blob(good.begin(), good.end() - 1)), {"truncated", "0x12c", "0x16b"});
  refuses(parse_blob(uimage({})), {"without content"});
}

TEST(Uimage, OtherKindsAreNamed) {
  Blob content = pattern(100);
  refuses(parse_blob(uimage(content, {.type = 4})), {"several files in one"}, "dumpimage");
  refuses(parse_blob(uimage(content, {.type = 3})), {"a ramdisk"}, "--initrd");
  refuses(parse_blob(uimage(content, {.type = 14})), {"kernel_noload"});
  refuses(parse_blob(uimage(content, {.type = 77})), {"unknown code 77"});
  refuses(parse_blob(uimage(content, {.os = 2})), {"operating system 2"}, "-O linux");
  refuses(parse_blob(uimage(content, {.arch = 2})), {"a uImage for Arm", "powerpc"});
  refuses(parse_blob(uimage(content, {.arch = 99})), {"unknown code 99"});
  refuses(parse_blob(uimage(content, {.compression = 3})), {"compressed with lzma"}, "-C gzip");
  refuses(parse_blob(uimage(content, {.compression = 9})), {"unknown code 9"});
  for (Arch arch : {Arch::aarch64, Arch::riscv64, Arch::x86_64})
    refuses(parse_blob(uimage(content, {.arch = 22}), arch),
            {"a uImage for arm64", std::string(name(arch))}, "dumpimage");
}

// mkimage of a vmlinux instead of its memory image: a header would run as instructions.
TEST(Uimage, AnElfInsideIsRefused) {
  const Blob inside = elf(20, 0x10, {{0, 0x200, 0x100, 0x100}}, 0x400, false, true);
  refuses(parse_blob(uimage(inside)), {"a uImage around an ELF file"}, "give the ELF file itself");
#if PV_HAVE_Z
  refuses(parse_blob(uimage(gzip(inside), {.compression = 1})), {"a uImage around an ELF file"});
#endif
#if PV_HAVE_ZSTD
  refuses(parse_blob(uimage(zstd(inside), {.compression = 6})), {"a uImage around an ELF file"});
#endif
  EXPECT_TRUE(parse_blob(uimage(Blob(inside.begin(), inside.begin() + 3))));
}

// Other wrong files to give to mkimage: none of them would say anything when run.
TEST(Uimage, WhatIsNoCodeIsRefused) {
  refuses(parse_blob(uimage(uimage(pattern(300)))), {"a uImage around another uImage"},
          "dumpimage");
  Blob tree = pattern(300);
  put(tree, 0, Be32(0xd00d'feed));
  refuses(parse_blob(uimage(tree)), {"whose content is a flattened device tree", "not a kernel"},
          "--dtb");
  const std::string script = "echo booting from a script of U-Boot\n";
  refuses(parse_blob(uimage(blob(script))), {"whose content is a text file"});
#if PV_HAVE_Z
  refuses(parse_blob(uimage(gzip(tree), {.compression = 1})), {"a flattened device tree"});
  refuses(parse_blob(uimage(gzip(gzip(pattern(300))), {.compression = 1})), {"compressed twice"});
#endif
}

// The magic numbers are enough: nothing is unpacked that the header does not call packed.
TEST(Uimage, ContentThatIsPackedOtherwiseThanMarked) {
  const std::vector<std::pair<const char*, Blob>> packed = {
      {"gzip", {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3}},
      {"zstd", {0x28, 0xb5, 0x2f, 0xfd, 0, 0}},
      {"xz", {0xfd, '7', 'z', 'X', 'Z', 0, 0, 4}}};
  for (const auto& [name, content] : packed)
    refuses(parse_blob(uimage(content)),
            {"header says not compressed", text("which is compressed with {}", name)},
            "mkimage -C");
  refuses(parse_blob(uimage(pattern(300), {.compression = 1})),
          {"header says gzip of its content, which is not compressed so"}, "-C none");
  refuses(parse_blob(uimage(packed[1].second, {.compression = 1})),
          {"header says gzip", "compressed with zstd"}, "-C zstd");
}

TEST(Uimage, EntryPointBetweenInstructions) {
  for (u32 entry : {0x1001u, 0x1002u, 0x1103u})
    refuses(parse_blob(uimage(pattern(5000), {.load = 0x1000, .entry = entry})),
            {text("entry point at {:#x}", entry), "powerpc", "multiples of 4"}, "mkimage -e");
}

TEST(Uimage, AddressesAreChecked) {
  Blob content = pattern(0x1000);
  refuses(parse_blob(uimage(content, {.load = 0x1000, .entry = 0x2000})),
          {"entry point at 0x2000", "0x1000-0x1fff"});
  refuses(parse_blob(uimage(content, {.load = 0x400'0000, .entry = 0x400'0000})),
          {"0x4000000-", "0x0-0x3ffffff"}, "mkimage -a");
  refuses(parse_blob(uimage(content, {.load = 0x3f0'0000, .entry = 0x3f0'0000})), {"guest RAM is"},
          "at least 68 MiB");
}

#if PV_HAVE_Z
TEST(Uimage, BrokenStreamsAreRefused) {
  Blob packed = gzip(pattern(5000));
  packed[20] ^= 0xff;
  Fd fd = file_with(uimage(packed, {.compression = 1}));
  auto file = ImageFile::open(fd.get(), "kernel");
  ASSERT_TRUE(file);
  auto image = parse(*file, target_for(Arch::powerpc, ram));
  ASSERT_TRUE(image) << image.error().message;
  memory::GuestMemory memory;
  ASSERT_TRUE(memory.add(ram[0], memory::Backing::anonymous));
  EXPECT_FALSE(load_kernel(memory, *file, *image));
  refuses(parse_blob(uimage({0x1f, 0x8b, 8}, {.compression = 1})), {"does not tell its size"});
}
#endif

}  // namespace
}  // namespace pv::boot
