#include "boot/fdt.h"

#include <gtest/gtest.h>

#if PV_HAVE_FDT
#include <libfdt.h>

#include "base/endian.h"
#include "base/text.h"

namespace pv::boot {
namespace {

Bytes property(Bytes tree, const char* path, const char* name) {
  int length = 0;
  int node = ::fdt_path_offset(tree.data(), path);
  auto* data = static_cast<const u8*>(::fdt_getprop(tree.data(), node, name, &length));
  return data == nullptr ? Bytes() : Bytes(data, static_cast<usize>(length));
}
std::string string(Bytes tree, const char* path, const char* name) {
  Bytes value = property(tree, path, name);
  return std::string(value.begin(), value.end());
}

std::vector<u8> sample(u32 cells = 2) {
  FdtBuilder fdt(256);
  {
    auto root = fdt.node("");
    fdt.prop("#address-cells", cells);
    fdt.prop("#size-cells", cells);
    fdt.prop("model", "sample");
    {
      auto memory = fdt.node("memory", 0x1000);
      fdt.prop("device_type", "memory");
      fdt.cells("reg", {0, 0x1000, 0, 0x2000});
    }
    {
      auto memory = fdt.node("memory", 0x9000);
      fdt.prop("device_type", "memory");
    }
    auto uart = fdt.node("uart", 0x900'0000);
    fdt.prop("phandle", fdt.next_phandle());
  }
  auto blob = fdt.finish();
  EXPECT_TRUE(blob) << blob.error().message;
  return *blob;
}

TEST(Fdt, BuildsEveryKindOfProperty) {
  FdtBuilder fdt;
  fdt.reserve(0x1234, 0x1000);
  {
    auto root = fdt.node("");
    fdt.prop("u32", 0x11223344u);
    fdt.prop("u64", u64{0x1122334455667788});
    fdt.prop("string", "text");
    fdt.prop("empty");
    fdt.strings("strings", {"a", "bc"});
    fdt.cells("cells", {1, 2, 3});
    {
      auto child = fdt.node("child", 0xab0);
      fdt.reg({{0xab0, 0x10}, {1_GiB * 8, 1}});
    }
    auto sibling = fdt.node("sibling");
  }
  auto tree = fdt.finish();
  ASSERT_TRUE(tree) << tree.error().message;
  ASSERT_TRUE(check_tree(*tree));
  EXPECT_EQ(u32{load_as<Be32>(property(*tree, "/", "u32"), 0)}, 0x11223344u);
  EXPECT_EQ(u64{load_as<Be64>(property(*tree, "/", "u64"), 0)}, 0x1122334455667788u);
  EXPECT_EQ(string(*tree, "/", "string"), std::string("text\0", 5));
  EXPECT_EQ(string(*tree, "/", "strings"), std::string("a\0bc\0", 5));
  EXPECT_EQ(property(*tree, "/", "cells").size(), 12u);
  EXPECT_EQ(u32{load_as<Be32>(property(*tree, "/", "cells"), 8)}, 3u);
  int length = -1;
  EXPECT_NE(::fdt_getprop(tree->data(), 0, "empty", &length), nullptr);
  EXPECT_EQ(length, 0);
  Bytes reg = property(*tree, "/child@ab0", "reg");
  ASSERT_EQ(reg.size(), 32u);
  EXPECT_EQ(u64{load_as<Be64>(reg, 16)}, 8_GiB);
  EXPECT_GE(::fdt_path_offset(tree->data(), "/sibling"), 0);
  u64 address = 0, size = 0;
  EXPECT_EQ(::fdt_get_mem_rsv(tree->data(), 0, &address, &size), 0);
  EXPECT_EQ(address, 0x1234u);
}

TEST(Fdt, GrowsItsBuffer) {
  FdtBuilder fdt(1);
  {
    auto root = fdt.node("");
    for (u64 i = 0; i < 500; ++i) {
      auto node = fdt.node("device", i);
      fdt.prop("compatible", "some,quite-long-name");
      fdt.prop("number", i);
    }
  }
  auto tree = fdt.finish();
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_TRUE(check_tree(*tree));
  EXPECT_EQ(u64{load_as<Be64>(property(*tree, "/device@1f3", "number"), 0)}, 499u);
}

TEST(Fdt, MisuseIsReportedAtTheEnd) {
  {
    FdtBuilder open;
    auto root = open.node("");
    EXPECT_FALSE(open.finish());
  }
  FdtBuilder huge;
  {
    auto node = huge.node("");
    huge.bytes("blob", std::vector<u8>(3_MiB));
  }
  auto tree = huge.finish();
  ASSERT_FALSE(tree);
  EXPECT_NE(tree.error().message.find("2 MiB"), std::string::npos);
}

TEST(Fdt, WhatIsNoTreeIsNamed) {
  auto message = [](Bytes b) { return check_tree(b) ? "fine" : check_tree(b).error().message; };
  std::vector<u8> good = sample();
  EXPECT_EQ(message(good), "fine");
  EXPECT_NE(message(Bytes(good).first(20)).find("20 bytes"), std::string::npos);
  EXPECT_NE(message({}).find("0 bytes"), std::string::npos);
  EXPECT_NE(message(Bytes(good).first(good.size() - 1)).find("truncated"), std::string::npos);
  std::vector<u8> b = good;
  b[0] = 0x7f;
  EXPECT_NE(message(b).find("begins with 0x7f0dfeed"), std::string::npos) << message(b);
  for (usize i = 4; i < 40; ++i) {
    b = good;
    b[i] ^= 0x81;
    (void)message(b);
  }
  b = good;
  u32 structure = load_as<Be32>(good, 8);
  b[structure + 3] = 77;  // the first token
  EXPECT_NE(message(b).find("broken"), std::string::npos);
}

TEST(Fdt, PatchForgetsTheInitrdOfAnotherRun) {
  TreePatch patch;
  patch.initrd = memory::GuestRange{memory::GuestAddress(0x1000), 0x789};
  auto with = patch_tree(sample(), patch);
  ASSERT_TRUE(with) << with.error().message;
  ASSERT_EQ(property(*with, "/chosen", "linux,initrd-start").size(), 8u);
  patch.initrd.reset();
  auto without = patch_tree(*with, patch);
  ASSERT_TRUE(without) << without.error().message;
  EXPECT_TRUE(property(*without, "/chosen", "linux,initrd-start").empty());
  EXPECT_TRUE(property(*without, "/chosen", "linux,initrd-end").empty());
}

TEST(Fdt, PatchSetsChosenAndMemory) {
  std::vector<u8> seed(32, 7);
  memory::GuestRange ram[] = {{memory::GuestAddress(0x8000'0000), 8_GiB},
                              {memory::GuestAddress(0x4'0000'0000), 1_GiB}};
  TreePatch patch;
  patch.bootargs = "console=ttyS0 " + std::string(2000, 'x');
  patch.initrd = memory::GuestRange{memory::GuestAddress(0x1'2345'6000), 0x789};
  patch.ram = ram;
  patch.rng_seed = seed;
  patch.kaslr_seed = 0x0102030405060708;
  auto tree = patch_tree(sample(), patch);
  ASSERT_TRUE(tree) << tree.error().message;
  ASSERT_TRUE(check_tree(*tree));
  EXPECT_EQ(string(*tree, "/chosen", "bootargs"), *patch.bootargs + '\0');
  EXPECT_EQ(u64{load_as<Be64>(property(*tree, "/chosen", "linux,initrd-start"), 0)}, 0x123456000u);
  EXPECT_EQ(u64{load_as<Be64>(property(*tree, "/chosen", "linux,initrd-end"), 0)}, 0x123456789u);
  EXPECT_EQ(property(*tree, "/chosen", "rng-seed").size(), 32u);
  EXPECT_EQ(property(*tree, "/chosen", "kaslr-seed")[7], 8);
  EXPECT_LT(::fdt_path_offset(tree->data(), "/memory@1000"), 0);
  EXPECT_LT(::fdt_path_offset(tree->data(), "/memory@9000"), 0);
  Bytes reg = property(*tree, "/memory@80000000", "reg");
  ASSERT_EQ(reg.size(), 32u);
  EXPECT_EQ(u64{load_as<Be64>(reg, 8)}, 8_GiB);
  EXPECT_EQ(string(*tree, "/", "model"), std::string("sample\0", 7));

  // What is not asked for stays.
  auto again = patch_tree(*tree, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(string(*again, "/chosen", "bootargs"), *patch.bootargs + '\0');
  EXPECT_GE(::fdt_path_offset(again->data(), "/memory@80000000"), 0);
}

TEST(Fdt, MemoryInOneCell) {
  memory::GuestRange small[] = {{memory::GuestAddress(0x8000'0000), 1_GiB}};
  TreePatch patch;
  patch.ram = small;
  auto tree = patch_tree(sample(1), patch);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(property(*tree, "/memory@80000000", "reg").size(), 8u);
  memory::GuestRange large[] = {{memory::GuestAddress(0x8000'0000), 4_GiB}};
  patch.ram = large;
  tree = patch_tree(sample(1), patch);
  ASSERT_FALSE(tree);
  EXPECT_NE(tree.error().message.find("#size-cells = 1"), std::string::npos);
}

}  // namespace
}  // namespace pv::boot
#endif
