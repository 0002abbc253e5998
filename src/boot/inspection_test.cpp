#include "boot/inspection.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "boot/fdt.h"
#include "boot/lz4_stream.h"
#include "boot/test_images.h"

namespace pv::boot {
namespace {

using test::Blob;
using Kind = Inspection::Kind;
using Level = Finding::Level;

constexpr GuestRange arm_ram[] = {{GuestAddress(0x4000'0000), 64_MiB}};
constexpr GuestRange riscv_ram[] = {{GuestAddress(0x8000'0000), 64_MiB}};
constexpr GuestRange low_ram[] = {{GuestAddress(0), 64_MiB}};

struct Looked {
  explicit Looked(const Blob& blob) : fd(test::file_with(blob)) {
    auto opened = ImageFile::open(fd.get(), "image");
    EXPECT_TRUE(opened);
    file.emplace(*std::move(opened));
    auto result = inspect(*file);
    if (result)
      found = *std::move(result);
    else
      error = std::move(result).error();
  }
  std::string field(std::string_view key) const {
    for (const auto& f : found.fields)
      if (f.key == key) return f.value;
    return "(none)";
  }
  Verdict on(Arch arch) const {
    std::span<const GuestRange> ram = arch == Arch::aarch64   ? arm_ram
                                      : arch == Arch::riscv64 ? riscv_ram
                                                              : low_ram;
    return judge(*file, found, target_for(arch, ram),
                 {.initrd_size = 0, .tree_size = arch == Arch::x86_64 ? u64{0} : 34_KiB});
  }
  Fd fd;
  std::optional<ImageFile> file;
  Inspection found;
  std::optional<Error> error;
};

// "<level>: <what>" of all findings, joined.
std::string told(const std::vector<Finding>& findings) {
  std::string all;
  for (const Finding& finding : findings)
    all += (finding.level == Level::note ? "note: " : "suspicious: ") + finding.what + "\n";
  return all;
}
bool has(const std::string& all, std::string_view part) { return all.find(part) != all.npos; }

// An arm64 kernel that says it is Linux and has these drivers.
Blob arm64_linux(std::initializer_list<std::string_view> marks, u64 text_offset = 0) {
  Blob blob = test::arm64_image(text_offset, 1_MiB, 8192);
  blob[16 + 8] = 0x0a;  // 4 KiB pages, anywhere
  test::put(blob, 1000,
            std::string_view("Linux version %s\0Linux version 6.1.0-made (a@b) #1\n", 51));
  usize at = 2000;
  for (std::string_view mark : marks) {
    test::put(blob, at, mark);
    at += mark.size() + 1;
  }
  return blob;
}

TEST(Inspection, Arm64HeaderInPlainWords) {
  Looked image(arm64_linux({"ttyAMA", "arm,gic-v3", "virtio,mmio"}));
  ASSERT_FALSE(image.error);
  EXPECT_EQ(image.found.kind, Kind::kernel);
  EXPECT_EQ(image.found.arch, Arch::aarch64);
  EXPECT_EQ(image.found.what, "an arm64 Linux Image");
  EXPECT_EQ(image.found.linux_version, "6.1.0-made (a@b) #1");
  EXPECT_EQ(image.field("page_size"), "4 KiB");
  EXPECT_EQ(image.field("placement"), "anywhere in RAM");
  EXPECT_TRUE(has(image.field("image_size"), "1 MiB (0x100000 bytes), 1016 KiB of it beyond"));
  EXPECT_EQ(told(image.found.findings), "");

  const Verdict verdict = image.on(Arch::aarch64);
  ASSERT_FALSE(verdict.refusal);
  EXPECT_EQ(told(verdict.findings), "");
  EXPECT_EQ(verdict.image.entry.value(), 0x4000'0000u);
  const auto contract = contract_of(verdict.image, verdict.layout);
  ASSERT_GE(contract.size(), 2u);
  EXPECT_EQ(contract[0], "pc = 0x40000000");
  EXPECT_EQ(contract[1], text("x0 = {:#x} (device tree)", verdict.layout.tree.base.value()));
}

TEST(Inspection, DriversByMarksAndTheirAbsence) {
  Looked image(arm64_linux({"virtio_blk"}));
  const auto drivers = image.found.drivers(Arch::aarch64);
  const auto presence = [&](std::string_view option) {
    for (const auto& state : drivers)
      if (state.driver->option == option) return state.presence;
    return Presence::unknown;
  };
  EXPECT_EQ(presence("VIRTIO_BLK"), Presence::built_in);
  EXPECT_EQ(presence("VIRTIO_MMIO"), Presence::absent);
  const std::string findings = told(image.on(Arch::aarch64).findings);
  EXPECT_TRUE(has(findings, "suspicious: there is no trace in it of the serial console ttyAMA0"));
  EXPECT_TRUE(
      has(findings, "suspicious: there is no trace in it of the interrupt controller GICv3"));
  EXPECT_FALSE(has(findings, "virtio"));
}

#if PV_HAVE_Z
TEST(Inspection, ConfigurationInsideDecides) {
  Blob blob = arm64_linux({"arm,gic-v3"});
  test::put(blob, 4000, std::string_view("IKCFG_ST"));
  const Blob config = test::gzip(test::blob(
      "# Linux/arm64 6.1.0 Kernel Configuration\nCONFIG_ARM_GIC_V3=y\nCONFIG_VIRTIO_MMIO=m\n"
      "CONFIG_SERIAL_AMBA_PL011_CONSOLE=m\n"));
  std::copy(config.begin(), config.end(), blob.begin() + 4008);
  test::put(blob, 4008 + config.size(), std::string_view("IKCFG_ED"));
  for (const Blob& form : {blob, test::gzip(blob)}) {
    Looked image(form);
    ASSERT_TRUE(image.found.config);
    EXPECT_EQ(image.found.config->heading(), "Linux/arm64 6.1.0");
    const std::string findings = told(image.on(Arch::aarch64).findings);
    EXPECT_TRUE(
        has(findings, "its configuration lacks the serial console ttyAMA0 (PL011) (a module"))
        << findings;
    EXPECT_FALSE(has(findings, "GICv3"));
  }
  EXPECT_EQ(Looked(test::gzip(blob)).found.what, "an arm64 Linux Image, compressed with gzip");
}

TEST(Inspection, BzImagePayloadIsUnpacked) {
  Blob blob = test::bzimage(0x4000, 16_MiB, 1_MiB);
  const Blob payload =
      test::gzip(test::blob(std::string("\x7f") + "ELF... Linux version 6.2 (c) ttyS LNRO0005"));
  std::copy(payload.begin(), payload.end(), blob.begin() + 5 * 512 + 0x300);
  test::put(blob, 0x248, Le32(0x300));
  test::put(blob, 0x24c, Le32(static_cast<u32>(payload.size())));
  Looked image(blob);
  ASSERT_FALSE(image.error) << image.error->message;
  EXPECT_EQ(image.found.arch, Arch::x86_64);
  EXPECT_EQ(image.found.linux_version, "6.2 (c) ttyS LNRO0005");
  EXPECT_TRUE(has(image.field("payload"), "compressed with gzip"));
  EXPECT_EQ(told(image.on(Arch::x86_64).findings), "");
}
#endif

// Literals only, in blocks of up to 14 bytes: the simplest LZ4 there is.
Blob lz4_legacy(std::string_view content, usize each) {
  Blob out;
  test::put(out, 0, Le32(0x184c2102));
  while (!content.empty()) {
    const std::string_view part = content.substr(0, each);
    test::put(out, out.size(), Le32(static_cast<u32>(part.size() + 1)));
    out.push_back(static_cast<u8>(part.size() << 4));
    test::put(out, out.size(), part);
    content.remove_prefix(part.size());
  }
  test::put(out, out.size(), Le32(0x12345678));  // Linux's own trailer
  return out;
}

TEST(Inspection, Lz4KernelsAreLookedInto) {
  Blob blob = test::bzimage(0x4000, 16_MiB, 1_MiB);
  const Blob payload = lz4_legacy("Linux version 6.3 (e) ttyS LNRO0005 virtio_blk", 14);
  std::copy(payload.begin(), payload.end(), blob.begin() + 5 * 512 + 0x300);
  test::put(blob, 0x248, Le32(0x300));
  test::put(blob, 0x24c, Le32(static_cast<u32>(payload.size())));
  Looked image(blob);
  ASSERT_FALSE(image.error) << image.error->message;
  EXPECT_EQ(image.found.linux_version, "6.3 (e) ttyS LNRO0005 virtio_blk");
  EXPECT_TRUE(has(image.field("payload"), "compressed with lz4"));
  EXPECT_EQ(image.found.drivers(Arch::x86_64).front().presence, Presence::built_in);
}

TEST(Lz4Block, LiteralsMatchesAndLongLengths) {
  std::array<u8, 64> out{};
  // "abcd", then 8 bytes from 4 back, then 20 from 1 back (15 - 4 + 1 more byte), then "z".
  const Blob block = {0x44, 'a', 'b', 'c', 'd', 4, 0, 0x0f, 1, 0, 1, 0x10, 'z'};
  const auto made = unpack_lz4_block(block, out);
  ASSERT_TRUE(made);
  EXPECT_EQ(std::string(out.begin(), out.begin() + *made),
            "abcdabcdabcd" + std::string(20, 'd') + "z");
  EXPECT_EQ(unpack_lz4_block({}, out), 0u);
}

TEST(Lz4Block, BrokenOnesAreRefused) {
  std::array<u8, 16> out{};
  for (const Blob& block :
       {Blob{0x40, 'a'}, Blob{0xf0}, Blob{0x14, 'a', 2, 0}, Blob{0x14, 'a', 0, 0},
        Blob{0x14, 'a', 1}, Blob{0x1f, 'a', 1, 0, 0xff, 0xff}, Blob{0x1f, 'a', 1, 0, 9}})
    EXPECT_FALSE(unpack_lz4_block(block, out)) << block.size();
}

TEST(Inspection, BzImageOfAnotherCompressionSaysSo) {
  Blob blob = test::bzimage(0x4000, 16_MiB, 1_MiB);
  test::put(blob, 5 * 512 + 0x300, std::string_view("BZh9"));
  test::put(blob, 0x248, Le32(0x300));
  test::put(blob, 0x24c, Le32(100));
  test::put(blob, 0x20e, Le16(0x100));
  test::put(blob, 0x300, std::string_view("6.1.0-x (d@e)\0", 14));
  Looked image(blob);
  EXPECT_EQ(image.found.linux_version, "6.1.0-x (d@e)");
  EXPECT_TRUE(has(told(image.found.findings), "compressed with bzip2"));
  EXPECT_EQ(image.found.drivers(Arch::x86_64).front().presence, Presence::unknown);
  EXPECT_EQ(told(image.on(Arch::x86_64).findings), "");
}

TEST(Inspection, OldAndDamagedImagesAreSuspicious) {
  Looked old(test::arm64_image(0x80000, 0, 8192));
  EXPECT_TRUE(
      has(told(old.found.findings), "suspicious: the header does not tell how much memory"));
  EXPECT_TRUE(has(told(old.found.findings), "note: built to lie 512 KiB above"));
  Looked odd(test::arm64_image(0x80123, 1_MiB, 8192));
  EXPECT_TRUE(has(told(odd.found.findings), "suspicious: its load offset 0x80123 is no multiple"));
  Looked appended(test::arm64_image(0, 4096, 8192));
  EXPECT_TRUE(has(told(appended.found.findings), "tells of 0x1000 bytes in memory, but the file"));
  Looked riscv32(test::riscv_image(4_MiB, 1_MiB, 8192));
  EXPECT_TRUE(has(told(riscv32.found.findings), "that of 32-bit kernels"));
}

TEST(Inspection, ElfSegmentsAndWhereThereIsNoRam) {
  Looked elf(
      test::elf(test::em_riscv, 0x8020'0000, {{0x8020'0000, 0x1000, 0x1000, 0x3000}}, 0x2000));
  EXPECT_EQ(elf.found.arch, Arch::riscv64);
  EXPECT_EQ(elf.found.what, "a 64-bit ELF file for RISC-V");
  EXPECT_EQ(elf.field("segment"),
            "0x80200000-0x80202fff, 4 KiB from the file, 8 KiB of zeros (BSS)");
  EXPECT_FALSE(elf.on(Arch::riscv64).refusal);
  EXPECT_FALSE(elf.found.is_linux());
  EXPECT_TRUE(elf.found.drivers(Arch::riscv64).empty());

  Looked nowhere(test::elf(test::em_riscv, 0x1000, {{0x1000, 0x1000, 0x100, 0x100}}, 0x2000));
  const Verdict refused = nowhere.on(Arch::riscv64);
  ASSERT_TRUE(refused.refusal);
  EXPECT_TRUE(has(refused.refusal->message, "guest RAM is 0x80000000"));

  Looked odd(
      test::elf(test::em_aarch64, 0x4010'0002, {{0x4010'0000, 0x1000, 0x100, 0x100}}, 0x2000));
  EXPECT_TRUE(has(told(odd.found.findings), "not aligned as instructions are"));
  Looked outside(
      test::elf(test::em_aarch64, 0x5000'0000, {{0x4010'0000, 0x1000, 0x100, 0x100}}, 0x2000));
  EXPECT_TRUE(has(told(outside.found.findings), "lies in nothing that it loads"));
}

TEST(Inspection, NarrowWrongEndianAndForeignMachinesAreRefused) {
  const std::vector<test::Load> loads = {{0x4010'0000, 0x1000, 0x100, 0x100}};
  Looked narrow(test::elf(test::em_aarch64, 0x4010'0000, loads, 0x2000, false));
  EXPECT_TRUE(has(narrow.on(Arch::aarch64).refusal->message, "32-bit ELF file"));
  Looked big(test::elf(test::em_aarch64, 0x4010'0000, loads, 0x2000, true, true));
  EXPECT_EQ(big.field("byte_order"), "big-endian");
  EXPECT_TRUE(has(big.on(Arch::aarch64).refusal->message, "big-endian ELF file"));
  Looked arm32(test::elf(test::em_arm, 0x4010'0000, loads, 0x2000, false));
  EXPECT_EQ(arm32.found.arch, std::nullopt);
  EXPECT_TRUE(has(arm32.on(Arch::aarch64).refusal->message, "an ELF file for 32-bit Arm"));
}

TEST(Inspection, UimageTellsItsHeader) {
  Looked image(test::uimage(test::pattern(5000), {.load = 0x10000, .entry = 0x10010}));
  EXPECT_EQ(image.found.arch, Arch::powerpc);
  EXPECT_EQ(image.field("name"), "a kernel");
  EXPECT_EQ(image.field("load"), "0x10000");
  EXPECT_EQ(image.field("entry"), "0x10010");
  EXPECT_FALSE(image.on(Arch::powerpc).refusal);
}

TEST(Inspection, FlatBinariesTellLittle) {
  Looked flat(test::pattern(100));
  EXPECT_EQ(flat.found.kind, Kind::flat);
  EXPECT_EQ(flat.found.arch, std::nullopt);
  EXPECT_TRUE(has(told(flat.found.findings), "does not tell its architecture"));
  EXPECT_FALSE(flat.on(Arch::aarch64).refusal);
  Looked zeros(Blob(4096));
  EXPECT_TRUE(has(told(zeros.found.findings), "suspicious: it begins with bytes of 0x00"));

  // RAM so small that a BSS would soon reach the device tree.
  constexpr GuestRange tiny[] = {{GuestAddress(0x4000'0000), 3_MiB}};
  const Verdict tight = judge(*flat.file, flat.found, target_for(Arch::aarch64, tiny),
                              {.initrd_size = 0, .tree_size = 34_KiB});
  ASSERT_FALSE(tight.refusal);
  EXPECT_TRUE(has(told(tight.findings), "would overwrite the device tree"));
}

// A newc archive of these members.
Blob cpio(std::initializer_list<std::pair<std::string_view, Blob>> members, bool trailer = true) {
  Blob out;
  const auto add = [&](std::string_view name, const Blob& content) {
    out.resize(align_up(out.size(), 4));
    test::put(out, out.size(),
              std::string_view(text("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}"
                                    "{:08x}{:08x}{:08x}{:08x}",
                                    1, 0x81ed, 0, 0, 1, 0, content.size(), 0, 0, 0, 0,
                                    name.size() + 1, 0)));
    test::put(out, out.size(), name);
    out.push_back(0);
    out.resize(align_up(out.size(), 4));
    out.insert(out.end(), content.begin(), content.end());
    out.resize(align_up(out.size(), 4));
  };
  for (const auto& [name, content] : members) add(name, content);
  if (trailer) add("TRAILER!!!", {});
  return out;
}

TEST(Inspection, InitramfsIsLookedInto) {
  const Blob program = test::elf(test::em_riscv, 0x1000, {}, 200);
  Looked good(cpio({{".", {}}, {"bin/sh", program}, {"init", test::blob("#!/bin/sh\n")}}));
  EXPECT_EQ(good.found.kind, Kind::foreign);
  EXPECT_TRUE(has(good.found.what, "a cpio archive (an initramfs)"));
  EXPECT_TRUE(has(good.found.instead, "--initrd"));
  EXPECT_EQ(good.field("members"), "3");
  EXPECT_EQ(good.field("init"), "is there");
  EXPECT_EQ(good.field("programs"), "RISC-V");
  EXPECT_EQ(told(good.found.findings), "");

  Looked without(cpio({{"rootfs/init", program}}));
  EXPECT_EQ(without.field("init"), "is missing");
  EXPECT_TRUE(has(told(without.found.findings), "there is no /init in it"));
  Looked cut(cpio({{"init", program}}, false));
  EXPECT_TRUE(has(told(cut.found.findings), "cut off or damaged after 1 files"));
#if PV_HAVE_Z
  Looked packed(test::gzip(cpio({{"init", program}})));
  EXPECT_TRUE(has(packed.found.what, "a cpio archive (an initramfs), compressed with gzip"));
  EXPECT_EQ(packed.field("init"), "is there");
#endif
}

#if PV_HAVE_FDT
TEST(Inspection, DeviceTreeTellsItsModel) {
  FdtBuilder fdt;
  {
    auto root = fdt.node("");
    fdt.prop("#address-cells", 2u);
    fdt.prop("model", "A board");
    fdt.strings("compatible", {"maker,board", "maker,soc"});
    auto child = fdt.node("child");
  }
  const auto blob = fdt.finish();
  ASSERT_TRUE(blob);
  Looked tree(*blob);
  EXPECT_EQ(tree.found.kind, Kind::foreign);
  EXPECT_EQ(tree.found.what, "a flattened device tree");
  EXPECT_TRUE(has(tree.found.instead, "--dtb"));
  EXPECT_EQ(tree.field("model"), "A board");
  EXPECT_EQ(tree.field("compatible"), "maker,board");
}
#endif

TEST(Inspection, OtherFilesAreNamed) {
  Blob qcow2(4096);
  test::put(qcow2, 0, std::string_view("QFI\xfb"));
  test::put(qcow2, 24, Be64(10_GiB));
  Looked disk(qcow2);
  EXPECT_EQ(disk.found.what, "a qcow2 disk image");
  EXPECT_EQ(disk.field("virtual_size"), "10 GiB");
  Looked script(test::blob("#!/bin/sh\necho\n"));
  EXPECT_EQ(script.found.what, "a script");
}

TEST(Inspection, BrokenStreamsAreErrors) {
#if PV_HAVE_Z
  Blob cut = test::gzip(test::arm64_image(0, 8_MiB, 1_MiB));
  cut.resize(cut.size() / 2);
  Looked image(cut);
  ASSERT_TRUE(image.error);
  EXPECT_EQ(image.error->kind, Error::Kind::image);
  EXPECT_TRUE(has(image.error->message, "cut off"));
#endif
}

TEST(RoundedSize, OneDecimal) {
  EXPECT_EQ(rounded_size(0), "0 bytes");
  EXPECT_EQ(rounded_size(1023), "1023 bytes");
  EXPECT_EQ(rounded_size(1024), "1 KiB");
  EXPECT_EQ(rounded_size(1536), "1.5 KiB");
  EXPECT_EQ(rounded_size(30'889'920), "29.4 MiB");
  EXPECT_EQ(rounded_size(~u64{0}), "15.9 EiB");
}

}  // namespace
}  // namespace pv::boot
