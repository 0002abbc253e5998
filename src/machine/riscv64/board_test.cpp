#include "machine/riscv64/board.h"

#include <gtest/gtest.h>

#include "boot/test_images.h"
#include "machine/riscv64/boards/virt.h"
#include "machine/test_machine.h"

namespace pv::machine::riscv64 {
namespace {

using Kind = IrqChipKind;

constexpr u64 plic_base = boards::virt.plic;
constexpr u64 uart = boards::virt.uarts.windows[0].base;
constexpr u64 ram_base = boards::virt.ram_base;

Result<IrqChip> choose(Kind asked, std::function<bool(Kind)> supported, unsigned cpus = 1) {
  Board board({.ram = 64_MiB, .cpus = cpus, .irqchip = asked});
  return board.choose_irqchip(supported);
}

TEST(RiscvIrqchip, AutomaticPrefersTheAia) {
  auto aia = choose(Kind::automatic, without({}));
  ASSERT_TRUE(aia);
  ASSERT_TRUE(std::holds_alternative<Aia>(*aia));
  EXPECT_EQ(std::get<Aia>(*aia).aplic, 0x0d00'0000u);
  EXPECT_EQ(std::get<Aia>(*aia).imsic, 0x2800'0000u);
  auto plic = choose(Kind::automatic, without({Kind::aia}));
  ASSERT_TRUE(plic);
  EXPECT_TRUE(std::holds_alternative<UserIrqChip>(*plic));
  auto asked = choose(Kind::plic, without({}));
  ASSERT_TRUE(asked);
  EXPECT_TRUE(std::holds_alternative<UserIrqChip>(*asked));
}

TEST(RiscvIrqchip, EachRefusalIsASentence) {
  auto aia = choose(Kind::aia, without({Kind::aia}));
  ASSERT_FALSE(aia);
  EXPECT_EQ(aia.error().kind, Error::Kind::host);
  EXPECT_EQ(aia.error().message, "this host's KVM has no AIA for guests");
  EXPECT_EQ(aia.error().hint, "use --irqchip plic or auto");
  auto gic = choose(Kind::gicv3, without({}));
  ASSERT_FALSE(gic);
  EXPECT_EQ(gic.error().kind, Error::Kind::usage);
  EXPECT_EQ(gic.error().message, "--irqchip gicv3 does not exist on riscv64");
  EXPECT_TRUE(choose(Kind::plic, without({}), 64));
  auto many = choose(Kind::plic, without({}), 65);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().message, "65 CPUs are more than the 64 of this board");
}

TEST(RiscvBoard, DevicesAreWhereTheContractSays) {
  TestMachine t(Arch::riscv64, {.ram = 64_MiB, .irqchip = Kind::aia});
  ASSERT_TRUE(t.build(3)) << t.error;
  u64 value;
  EXPECT_TRUE(t.mmio.write(0x1000'0000, bus::Width::byte, 'A'));
  EXPECT_EQ(t.serial_out.text(), "A");
  EXPECT_TRUE(t.mmio.read(0x0010'1000, bus::Width::word, value));
  EXPECT_TRUE(t.mmio.write(0x0010'0000, bus::Width::word, 0x5555));
  EXPECT_EQ(t.power.power_offs + t.power.exits, 1u);
  for (u64 slot = 0; slot < 3; ++slot) {
    EXPECT_TRUE(t.mmio.read(0x1000'1000 + slot * 0x1000, bus::Width::word, value));
    EXPECT_EQ(value, 0x7472'6976u);
  }
  std::vector<u32> sources_used;
  for (const auto& [gsi, line] : t.vm.lines) sources_used.push_back(gsi);
  EXPECT_EQ(sources_used, (std::vector<u32>{1, 2, 3, 10, 11}));
  EXPECT_FALSE(t.mmio.read(plic_base, bus::Width::word, value));
}

// UART -> PLIC -> the hart whose supervisor context has the source enabled.
TEST(RiscvBoard, ThePlicDrivesTheVcpusInput) {
  TestMachine t(Arch::riscv64, {.ram = 64_MiB, .cpus = 2, .irqchip = Kind::plic});
  ASSERT_TRUE(t.build(1)) << t.error;
  EXPECT_TRUE(t.vm.lines.empty());
  constexpr u64 context = 3;  // hart 1, supervisor
  auto write = [&](u64 offset, u64 v) { t.mmio.write(plic_base + offset, bus::Width::word, v); };
  write(4 * 10, 1);                             // priority of source 10
  write(0x2000 + context * 0x80, 1u << 10);     // enable
  t.mmio.write(uart + 1, bus::Width::byte, 1);  // IER: received data
  const u8 input[] = {'x'};
  EXPECT_EQ(t.machine->receive(0, input), 1u);
  EXPECT_TRUE(t.vcpus[1]->external_interrupt);
  EXPECT_FALSE(t.vcpus[0]->external_interrupt);
  u64 claimed = 0;
  t.mmio.read(plic_base + 0x20'0000 + context * 0x1000 + 4, bus::Width::word, claimed);
  EXPECT_EQ(claimed, 10u);
  EXPECT_FALSE(t.vcpus[1]->external_interrupt);
  u64 byte = 0;
  t.mmio.read(uart, bus::Width::byte, byte);
  EXPECT_EQ(byte, 'x');
  write(0x20'0000 + context * 0x1000 + 4, 10);
  EXPECT_FALSE(t.vcpus[1]->external_interrupt);
  EXPECT_EQ(t.vcpus[1]->external_interrupt_changes, 2);
}

TEST(RiscvBoard, RefusesMoreDevicesThanSlots) {
  TestMachine t(Arch::riscv64, {.ram = 64_MiB});
  EXPECT_FALSE(t.build(9));
  EXPECT_EQ(t.error, "9 virtio devices do not fit this board's 8 slots");
  TestMachine all(Arch::riscv64, {.ram = 64_MiB, .irqchip = Kind::plic});
  EXPECT_TRUE(all.build(8)) << all.error;
}

TEST(RiscvBootState, IsHartAndTree) {
  TestMachine t(Arch::riscv64, {.ram = 64_MiB, .cpus = 3});
  ASSERT_TRUE(t.build() && t.load({})) << t.error;
  for (unsigned hart = 0; hart < 3; ++hart) {
    auto state = std::get<BootState>(t.machine->boot_state(hart));
    EXPECT_EQ(state.stopped, hart != 0);
    EXPECT_EQ(state.a0, hart);
    EXPECT_EQ(state.pc, 0x8020'0000u);
  }
  EXPECT_EQ(t.at<u8>(0x8020'0000), 0xc3);

  TestMachine image(Arch::riscv64, {.ram = 64_MiB});
  ASSERT_TRUE(image.build());
  ASSERT_TRUE(image.load({.kernel = boot::test::riscv_image(0x40'0000, 0x10000, 8192)}))
      << image.error;
  EXPECT_EQ(std::get<BootState>(image.machine->boot_state(0)).pc, 0x8040'0000u);
  EXPECT_EQ(image.machine->highest_address(), 0x8000'0000u + 64_MiB - 1);
}

// ---- SBI ----------------------------------------------------------------------------------------

constexpr u64 dbcn = 0x4442434e;
hv::Hypercall write_call(u64 bytes, u64 low, u64 high = 0) {
  return {dbcn, 0, {bytes, low, high, 0, 0, 0}};
}

struct Sbi : ::testing::Test {
  memory::GuestMemory ram;
  device::RecordingSink out;
  SbiConsole sbi{ram, out};
  void SetUp() override {
    ASSERT_TRUE(ram.add({memory::GuestAddress(ram_base), 64_KiB}, memory::Backing::anonymous));
  }
};

TEST_F(Sbi, WritesFromMemory) {
  const u8 hello[] = {'h', 'e', 'l', 'l', 'o'};
  ASSERT_TRUE(ram.write_bytes(memory::GuestAddress(ram_base + 100), hello));
  auto result = sbi.call(write_call(5, ram_base + 100));
  EXPECT_EQ(result.error, 0);
  EXPECT_EQ(result.value, 5u);
  EXPECT_EQ(out.text(), "hello");
}

TEST_F(Sbi, WritesAPartOfALongText) {
  auto result = sbi.call(write_call(5000, ram_base));
  EXPECT_EQ(result.error, 0);
  EXPECT_EQ(result.value, 1024u);
  EXPECT_EQ(out.text().size(), 1024u);
  EXPECT_EQ(sbi.call(write_call(0, ram_base)).value, 0u);
}

TEST_F(Sbi, RefusesAddressesOutsideRam) {
  for (const auto& call :
       {write_call(5, 0x1000), write_call(5, ram_base + 64_KiB - 4), write_call(5, ram_base, 1),
        write_call(~u64{0}, ~u64{0}), write_call(5, ~u64{0} - 2)}) {
    EXPECT_EQ(sbi.call(call).error, -3);
    EXPECT_EQ(sbi.call(call).value, 0u);
  }
  EXPECT_EQ(out.text(), "");
}

TEST_F(Sbi, ByteReadAndTheRest) {
  EXPECT_EQ(sbi.call({dbcn, 2, {'!' | 0xff00, 0, 0, 0, 0, 0}}).error, 0);
  EXPECT_EQ(out.text(), "!");
  auto read = sbi.call({dbcn, 1, {64, ram_base, 0, 0, 0, 0}});
  EXPECT_EQ(read.error, 0);
  EXPECT_EQ(read.value, 0u);
  EXPECT_EQ(sbi.call({dbcn, 3, {}}).error, -2);
  EXPECT_EQ(sbi.call({0x10, 0, {}}).error, -2);
}

TEST_F(Sbi, IsTheBoardsCall) {
  TestMachine t(Arch::riscv64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  EXPECT_EQ(t.machine->call({dbcn, 2, {'?', 0, 0, 0, 0, 0}}).error, 0);
  EXPECT_EQ(t.serial_out.text(), "?");
}

}  // namespace
}  // namespace pv::machine::riscv64
