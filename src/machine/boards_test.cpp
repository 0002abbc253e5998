// The tables of boards: whatever boards there are, their windows stand apart and their ports work.
#include <gtest/gtest.h>

#include <algorithm>

#include "machine/test_machine.h"

namespace pv::machine {
namespace {

TEST(Boards, EachBuildsAndItsFirstPortSpeaks) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64, Arch::powerpc, Arch::x86_64})
    for (std::string_view board : boards(arch)) {
      SCOPED_TRACE(text("{} {}", name(arch), board));
      TestMachine t(arch, {.ram = 64_MiB, .cpus = 2, .board = std::string(board)});
      ASSERT_TRUE(t.build(4)) << t.error;  // windows that overlap are refused by the bus
      const auto windows = t.machine->posted_windows();
      ASSERT_FALSE(windows.empty());
      bus::Bus& bus = windows[0].space == hv::Space::pio ? t.pio : t.mmio;
      EXPECT_TRUE(bus.write(windows[0].range.base, bus::Width::byte, 'A'));
      EXPECT_EQ(t.serial_out.text(), "A");
      EXPECT_TRUE(t.load({})) << t.error;
    }
}

TEST(Boards, WindowsAreNotInRam) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64})
    for (std::string_view board : boards(arch)) {
      SCOPED_TRACE(text("{} {}", name(arch), board));
      TestMachine t(arch, {.ram = 64_MiB, .board = std::string(board)});
      ASSERT_TRUE(t.build(2)) << t.error;
      const auto ram = t.machine->ram()[0];
      for (const auto& slot : t.machine->virtio_slots())
        EXPECT_FALSE(slot.address >= ram.base.value() && slot.address < ram.end());
      u64 value;
      for (u64 probe = ram.base.value(); probe < ram.end(); probe += 1_MiB)
        EXPECT_FALSE(t.mmio.read(probe, bus::Width::byte, value)) << probe;
    }
}

TEST(Boards, KvmtoolsAndCrosvmsPortsAreWhereTheirUsersLook) {
  struct Port {
    Arch arch;
    const char* board;
    u64 address;
  };
  for (const Port& port : {Port{Arch::riscv64, "kvmtool", 0x3f8},
                           {Arch::aarch64, "crosvm", 0x3f8},
                           {Arch::aarch64, "kvmtool", 0x0100'0000}}) {
    TestMachine t(port.arch, {.ram = 64_MiB, .board = port.board});
    ASSERT_TRUE(t.build()) << t.error;
    EXPECT_TRUE(t.mmio.write(port.address, bus::Width::byte, '!'));
    EXPECT_EQ(t.serial_out.text(), "!");
    EXPECT_EQ(t.machine->ram()[0].base.value(), 0x8000'0000u);
  }
  // All four are there, also those that nobody asked for.
  TestMachine t(Arch::riscv64, {.ram = 64_MiB, .irqchip = IrqChipKind::aia, .board = "kvmtool"});
  ASSERT_TRUE(t.build()) << t.error;
  for (u64 base : {0x2f8u, 0x3e8u, 0x2e8u}) EXPECT_TRUE(t.mmio.write(base, bus::Width::byte, 'x'));
  EXPECT_EQ(t.serial_out.text(), "");
  for (u32 irq : {3u, 4u, 6u, 7u}) EXPECT_TRUE(t.vm.lines.contains(irq)) << irq;
}

TEST(Boards, PowerpcsHasQemusNameToo) {
  EXPECT_TRUE(create(Arch::powerpc, {.ram = 64_MiB, .board = "ppce500"}));
  EXPECT_FALSE(create(Arch::x86_64, {.ram = 64_MiB, .board = "ppce500"}));
}

TEST(Boards, AnUnknownOneIsRefusedWithThoseThereAre) {
  const auto made = create(Arch::riscv64, {.ram = 64_MiB, .board = "sifive_u"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Error::Kind::usage);
  EXPECT_EQ(made.error().message, "there is no board \"sifive_u\" for riscv64");
  EXPECT_EQ(made.error().hint, "choose one with --board: kvmtool, virt");
  EXPECT_FALSE(create(Arch::x86_64, {.ram = 64_MiB, .board = "crosvm"}));
}

}  // namespace
}  // namespace pv::machine
