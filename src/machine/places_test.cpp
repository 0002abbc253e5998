#include "machine/places.h"

#include <gtest/gtest.h>

namespace pv::machine {
namespace {

TEST(Places, NamesWhatTheBoardsHave) {
  EXPECT_EQ(place_of(Arch::aarch64, false, 0x0900'0018), "uart");
  EXPECT_EQ(place_of(Arch::aarch64, false, 0x0a00'0000), "virtio 0");
  EXPECT_EQ(place_of(Arch::aarch64, false, 0x0a00'3fff), "virtio 31");
  EXPECT_EQ(place_of(Arch::aarch64, false, 0x0a00'4000), "");
  EXPECT_EQ(place_of(Arch::riscv64, false, 0x1000'0000), "uart");
  EXPECT_EQ(place_of(Arch::riscv64, false, 0x1000'8fff), "virtio 7");
  EXPECT_EQ(place_of(Arch::riscv64, false, 0x0c20'0004), "PLIC");
  EXPECT_EQ(place_of(Arch::powerpc, false, 0xf'e000'4500), "uart");
  EXPECT_EQ(place_of(Arch::powerpc, false, 0xf'e00b'1000), "virtio 1");
  EXPECT_EQ(place_of(Arch::x86_64, true, 0x3f9), "uart");
  EXPECT_EQ(place_of(Arch::x86_64, true, 0x71), "clock");
  EXPECT_EQ(place_of(Arch::x86_64, false, 0xfeb0'0200), "virtio 1");
  EXPECT_EQ(place_of(Arch::x86_64, false, 0x3f9), "");
  EXPECT_EQ(place_of(Arch::aarch64, true, 0x3f9), "") << "only x86 has ports";
  EXPECT_EQ(place_of(Arch::aarch64, false, 0x3f00'8000), "PCI configuration");
  EXPECT_EQ(place_of(Arch::riscv64, false, 0x4000'1000), "PCI devices");
  EXPECT_EQ(place_of(Arch::riscv64, false, 0x0300'0010), "PCI ports");
  EXPECT_EQ(place_of(Arch::x86_64, true, 0x1010), "PCI ports");
  EXPECT_EQ(place_of(Arch::x86_64, false, 0xfec0'0000), "I/O APIC");
}

// What docs/boot-contract.md promises.
TEST(Places, MarksLieBehindTheFinisher) {
  EXPECT_TRUE(is_mark(Arch::aarch64, false, 0x090f'0008));
  EXPECT_TRUE(is_mark(Arch::riscv64, false, 0x0010'0008));
  EXPECT_TRUE(is_mark(Arch::powerpc, false, 0xf'e00f'e008));
  EXPECT_TRUE(is_mark(Arch::x86_64, true, 0x506));
  EXPECT_FALSE(is_mark(Arch::aarch64, false, 0x090f'0000));
  EXPECT_FALSE(is_mark(Arch::x86_64, false, 0x506));
  EXPECT_FALSE(is_mark(Arch::x86_64, true, 0x505));
  EXPECT_EQ(place_of(Arch::riscv64, false, 0x0010'0008), "mark");
}

}  // namespace
}  // namespace pv::machine
