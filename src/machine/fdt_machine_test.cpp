// The way from a payload to guest memory that the device-tree boards share: what fails, and how a
// user's own tree is treated.
#include "machine/fdt_machine.h"

#include <gtest/gtest.h>
#include <libfdt.h>

#include "boot/fdt.h"
#include "boot/test_images.h"
#include "machine/test_machine.h"

namespace pv::machine {
namespace {

TEST(Load, TooLittleMemoryNamesWhatDoesNotFit) {
  TestMachine t(Arch::riscv64, {.ram = 8_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  TestPayload payload;
  payload.initrd.resize(7_MiB);
  EXPECT_FALSE(t.load(payload));
  EXPECT_NE(t.error.find("initrd of 7340032 bytes"), std::string::npos) << t.error;
  EXPECT_NE(t.failure.hint.find("--mem"), std::string::npos) << t.failure.hint;
}

TEST(Load, AnotherArchitecturesKernelIsNamed) {
  TestMachine t(Arch::riscv64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  EXPECT_FALSE(t.load({.kernel = boot::test::arm64_image(0, 0x10000, 8192)}));
  EXPECT_EQ(t.failure.kind, Error::Kind::image);
  EXPECT_EQ(t.error, "kernel: is an arm64 Linux Image, but this machine is riscv64");
}

TEST(Load, ACommandLineThatIsTooLongIsRefused) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  EXPECT_FALSE(t.load({.command_line = std::string(100'000, 'x')}));
  EXPECT_NE(t.error.find("command line"), std::string::npos) << t.error;
}

TEST(Load, AnEmptyInitrdIsRefusedByName) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  Fd kernel(::memfd_create("kernel", MFD_CLOEXEC)), empty(::memfd_create("empty", MFD_CLOEXEC));
  ASSERT_TRUE(write_fully(kernel.get(), std::vector<u8>(64, 1)));
  Payload payload;
  payload.kernel = kernel.get();
  payload.initrd = empty.get();
  auto loaded = t.machine->load(payload);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message.substr(0, 6), "initrd");
}

TEST(Load, InitrdIsWhereTheTreeSays) {
  TestMachine t(Arch::riscv64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  TestPayload payload;
  payload.initrd = boot::test::pattern(10'001);
  ASSERT_TRUE(t.load(payload)) << t.error;
  const u8* tree = t.machine->device_tree().data();
  int chosen = ::fdt_path_offset(tree, "/chosen");
  auto cell64 = [&](const char* name) {
    int length = 0;
    const void* p = ::fdt_getprop(tree, chosen, name, &length);
    return p != nullptr && length == 8 ? u64{load_as<Be64>({static_cast<const u8*>(p), 8}, 0)} : 0;
  };
  u64 start = cell64("linux,initrd-start");
  EXPECT_EQ(start % 4096, 0u);
  EXPECT_EQ(cell64("linux,initrd-end"), start + 10'001);
  EXPECT_EQ(t.bytes_at(start, 10'001), payload.initrd);
}

// ---- the user's own tree ------------------------------------------------------------------------

std::vector<u8> users_tree(usize padding = 0) {
  boot::FdtBuilder fdt;
  {
    auto root = fdt.node("");
    fdt.prop("#address-cells", 2u);
    fdt.prop("#size-cells", 2u);
    fdt.prop("compatible", "somebody,board");
    if (padding != 0) fdt.bytes("padding", std::vector<u8>(padding));
    {
      auto memory = fdt.node("memory", 0x1000);
      fdt.prop("device_type", "memory");
      fdt.reg({{0x1000, 0x1000}});
    }
    auto chosen = fdt.node("chosen");
    fdt.prop("bootargs", "as the file says");
  }
  return *fdt.finish();
}

std::string string_property(const u8* tree, const char* path, const char* name) {
  int length = 0;
  const void* p = ::fdt_getprop(tree, ::fdt_path_offset(tree, path), name, &length);
  return p != nullptr && length > 0 ? std::string(static_cast<const char*>(p)) : "(none)";
}

TEST(UsersTree, IsPatchedWithTheMachinesMemoryAndChosen) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  ASSERT_TRUE(t.load({.device_tree = users_tree(), .command_line = "as the user says"})) << t.error;
  const u8* tree = t.machine->device_tree().data();
  EXPECT_EQ(string_property(tree, "/", "compatible"), "somebody,board");
  EXPECT_EQ(string_property(tree, "/chosen", "bootargs"), "as the user says");
  EXPECT_GE(::fdt_path_offset(tree, "/memory@40000000"), 0);
  EXPECT_LT(::fdt_path_offset(tree, "/memory@1000"), 0);
  EXPECT_LT(::fdt_path_offset(tree, "/psci"), 0);  // nothing of ours is added
}

TEST(UsersTree, KeepsItsCommandLineWhenThereIsNoOther) {
  TestMachine t(Arch::riscv64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  ASSERT_TRUE(t.load({.device_tree = users_tree()})) << t.error;
  EXPECT_EQ(string_property(t.machine->device_tree().data(), "/chosen", "bootargs"),
            "as the file says");
}

TEST(UsersTree, ThatIsNoneIsRefused) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  EXPECT_FALSE(t.load({.device_tree = std::vector<u8>(100, 'x')}));
  EXPECT_EQ(t.error.substr(0, 6), "--dtb:") << t.error;
  EXPECT_FALSE(t.load({.device_tree = std::vector<u8>(2_MiB + 1, 'x')}));
  EXPECT_NE(t.error.find("2 MiB"), std::string::npos) << t.error;
}

// One that kernels accept, though no room is left beside it for the usual additions.
TEST(UsersTree, MayBeAlmostTwoMebibytes) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  EXPECT_TRUE(t.load({.device_tree = users_tree(2_MiB - 8_KiB)})) << t.error;
}

TEST(VirtioSlots, EmptyOnesAnswerWithoutADevice) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build(2)) << t.error;
  const auto word_at = [&](u64 address) {
    u64 value = ~u64{0};
    EXPECT_TRUE(t.mmio.read(address, bus::Width::word, value)) << address;
    return value;
  };
  // QEMU's virt has 32 slots of 512 bytes; the first two hold devices here.
  for (u64 slot : {2u, 3u, 31u}) {
    u64 base = 0x0a00'0000 + slot * 0x200;
    EXPECT_EQ(word_at(base), 0x7472'6976u);
    EXPECT_EQ(word_at(base + 4), 2u);
    EXPECT_EQ(word_at(base + 8), 0u);
  }
  EXPECT_NE(word_at(0x0a00'0208), 0u);
  u64 value;
  EXPECT_FALSE(t.mmio.read(0x0a00'4000, bus::Width::word, value));
}

TEST(Panic, TheRegisterOfEveryTreeBoardEndsTheRun) {
  for (auto [arch, address] :
       {std::pair{Arch::aarch64, u64{0x090e'0000}}, std::pair{Arch::riscv64, u64{0x0010'2000}},
        std::pair{Arch::powerpc, u64{0xf'e00f'd000}}}) {
    TestMachine t(arch, {.ram = 64_MiB});
    ASSERT_TRUE(t.build()) << t.error;
    u64 events = 0;
    EXPECT_TRUE(t.mmio.read(address, bus::Width::byte, events));
    EXPECT_EQ(events, 3u);
    EXPECT_TRUE(t.mmio.write(address, bus::Width::byte, 1));
    EXPECT_EQ(t.power.crashes, 1u);
  }
}

}  // namespace
}  // namespace pv::machine
