#include "machine/places.h"

#include <gtest/gtest.h>

namespace pv::machine {
namespace {

std::string place_of(Arch arch, bool port, u64 address) { return Places(arch).name(port, address); }
bool is_mark(Arch arch, bool port, u64 address) { return Places(arch).is_mark(port, address); }

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

TEST(Places, EachBoardHasItsOwn) {
  const Places crosvm(Arch::aarch64, "crosvm");
  EXPECT_EQ(crosvm.name(false, 0x3f8), "uart");
  EXPECT_EQ(crosvm.name(false, 0x2fa), "uart 2");
  EXPECT_EQ(crosvm.name(false, 0x3e8), "uart 3");
  EXPECT_EQ(crosvm.name(false, 0x400), "");
  EXPECT_EQ(crosvm.name(false, 0x0200'0200), "virtio 1");
  EXPECT_EQ(crosvm.name(false, 0x3fff'0000), "interrupt controller");
  EXPECT_EQ(crosvm.name(false, 0x3ffd'0000), "interrupt controller");
  EXPECT_TRUE(crosvm.is_mark(false, 0x0301'0008));
  EXPECT_FALSE(crosvm.is_mark(false, 0x090f'0008));
  const Places kvmtool(Arch::aarch64, "kvmtool");
  EXPECT_EQ(kvmtool.name(false, 0x0100'0000), "uart");
  EXPECT_EQ(kvmtool.name(false, 0x0300'0000), "virtio 0");
  EXPECT_TRUE(kvmtool.is_mark(false, 0x0111'0008));
  EXPECT_EQ(Places(Arch::riscv64, "kvmtool").name(false, 0x3f8), "uart");
  EXPECT_EQ(Places(Arch::riscv64, "virt").name(false, 0x3f8), "");
}

// A trace of another polyvisor may name a board that this one does not have.
TEST(Places, AnUnknownBoardIsTheDefault) {
  EXPECT_EQ(Places(Arch::aarch64, "sifive_u").name(false, 0x0900'0000), "uart");
}

}  // namespace
}  // namespace pv::machine
