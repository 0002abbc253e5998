#include "machine/aarch64/board.h"

#include <gtest/gtest.h>

#include "boot/test_images.h"
#include "machine/aarch64/boards/virt.h"
#include "machine/test_machine.h"

namespace pv::machine::aarch64 {
namespace {

using Kind = IrqChipKind;

constexpr u64 gic_distributor = boards::virt.gic_distributor;
constexpr u64 gic_cpu_interface = boards::virt.gic_cpu_interface;
constexpr UartWindow uart = boards::virt.uarts.windows[0];

Result<IrqChip> choose(Kind asked, std::function<bool(Kind)> supported, unsigned cpus = 1) {
  Board board({.ram = 64_MiB, .cpus = cpus, .irqchip = asked});
  return board.choose_irqchip(supported);
}

TEST(Irqchip, AutomaticPrefersGicV3) {
  auto v3 = choose(Kind::automatic, without({}));
  ASSERT_TRUE(v3);
  EXPECT_TRUE(std::holds_alternative<GicV3>(*v3));
  auto v2 = choose(Kind::automatic, without({Kind::gicv3}));
  ASSERT_TRUE(v2);
  EXPECT_TRUE(std::holds_alternative<GicV2>(*v2));
  EXPECT_EQ(std::get<GicV2>(*v2).cpu_interface, 0x0801'0000u);
  EXPECT_EQ(std::get<GicV3>(*v3).redistributors, 0x080a'0000u);
  EXPECT_EQ(std::get<GicV3>(*v3).irqs % 32, 0u);  // KVM: 32 to 1024 in steps of 32
  auto ours = choose(Kind::automatic, without({Kind::gicv3, Kind::gicv2}));
  ASSERT_TRUE(ours);
  EXPECT_TRUE(std::holds_alternative<UserIrqChip>(*ours));
  EXPECT_TRUE(std::holds_alternative<UserIrqChip>(*choose(Kind::user, without({}))));
  auto asked = choose(Kind::gicv2, without({}));
  ASSERT_TRUE(asked);
  EXPECT_TRUE(std::holds_alternative<GicV2>(*asked));
}

TEST(Irqchip, EachRefusalIsASentence) {
  auto none = choose(Kind::automatic, without({Kind::gicv2, Kind::gicv3, Kind::user}));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, Error::Kind::host);
  EXPECT_EQ(
      none.error().message,
      "this host's KVM has no virtual interrupt controller, neither GICv3 nor GICv2, and cannot "
      "do without one (KVM_CAP_ARM_USER_IRQ)");
  EXPECT_FALSE(none.error().hint.empty());

  auto v3 = choose(Kind::gicv3, without({Kind::gicv3}));
  ASSERT_FALSE(v3);
  EXPECT_EQ(v3.error().message, "this host's KVM has no virtual GICv3");
  EXPECT_EQ(v3.error().hint, "use --irqchip gicv2, user or auto");
  auto user = choose(Kind::user, without({Kind::user}));
  ASSERT_FALSE(user);
  EXPECT_NE(user.error().message.find("KVM_CAP_ARM_USER_IRQ"), std::string::npos);
  auto v2 = choose(Kind::gicv2, without({Kind::gicv2}));
  ASSERT_FALSE(v2);
  EXPECT_EQ(v2.error().message, "this host's KVM has no virtual GICv2");

  auto plic = choose(Kind::plic, without({}));
  ASSERT_FALSE(plic);
  EXPECT_EQ(plic.error().kind, Error::Kind::usage);
  EXPECT_EQ(plic.error().message, "--irqchip plic does not exist on aarch64");
}

TEST(Irqchip, ServesSoManyCpus) {
  EXPECT_TRUE(choose(Kind::gicv2, without({}), 8));
  auto nine = choose(Kind::gicv2, without({}), 9);
  ASSERT_FALSE(nine);
  EXPECT_EQ(nine.error().kind, Error::Kind::usage);
  EXPECT_EQ(nine.error().message, "9 CPUs are more than the 8 that a GICv2 serves here");
  EXPECT_TRUE(choose(Kind::gicv3, without({}), 123));
  EXPECT_FALSE(choose(Kind::gicv3, without({}), 124));
  // The redistributors of the most CPUs end where the UART begins.
  EXPECT_EQ(boards::virt.redistributors(1) + boards::virt.most_cpus * gic_redistributor_size,
            boards::virt.uarts.windows[0].base);
}

TEST(Board, DevicesAreWhereTheContractSays) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build(3)) << t.error;
  u64 value;
  EXPECT_TRUE(t.mmio.write(0x0900'0000, bus::Width::word, 'A'));
  EXPECT_EQ(t.serial_out.text(), "A");
  EXPECT_TRUE(t.mmio.read(0x0901'0000 + 0xfe0, bus::Width::word, value));  // PL031 peripheral id
  EXPECT_EQ(value, 0x31u);
  EXPECT_TRUE(t.mmio.write(0x090f'0000, bus::Width::word, 7 << 16 | 0x3333));
  EXPECT_EQ(t.power.last_code, 7);
  for (u64 slot = 0; slot < 3; ++slot) {
    EXPECT_TRUE(t.mmio.read(0x0a00'0000 + slot * 0x200, bus::Width::word, value));
    EXPECT_EQ(value, 0x7472'6976u);
  }
  EXPECT_FALSE(t.mmio.read(0x0a00'4000, bus::Width::word, value));
  std::vector<u32> spis;
  for (const auto& [gsi, line] : t.vm.lines) spis.push_back(gsi);
  EXPECT_EQ(spis, (std::vector<u32>{1, 2, 16, 17, 18}));
}

// From the UART through a GIC of our own to the CPU's input, and a timer's level likewise.
TEST(Board, BringsItsOwnGicWhereTheKernelHasNone) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB, .irqchip = Kind::user});
  t.vm.has_irqchip = false;
  ASSERT_TRUE(t.build()) << t.error;
  t.mmio.write(gic_distributor + 0x104, bus::Width::word, 1u << (uart.irq % 32));
  t.mmio.write(gic_distributor + 0x800 + 32 + uart.irq, bus::Width::byte, 1);
  t.mmio.write(gic_distributor + 0x100, bus::Width::word, 1u << 27);
  t.mmio.write(gic_distributor, bus::Width::word, 1);
  t.mmio.write(gic_cpu_interface + 4, bus::Width::word, 0xf0);
  t.mmio.write(gic_cpu_interface, bus::Width::word, 1);
  t.mmio.write(uart.base + 0x38, bus::Width::word, 1 << 4 | 1 << 6);
  const u8 input[] = {'x'};
  EXPECT_FALSE(t.vcpus[0]->external_interrupt);
  EXPECT_EQ(t.machine->receive(0, input), 1u);
  EXPECT_TRUE(t.vcpus[0]->external_interrupt);
  u64 id;
  EXPECT_TRUE(t.mmio.read(gic_cpu_interface + 0xc, bus::Width::word, id));
  EXPECT_EQ(id, 32u + uart.irq);
  EXPECT_FALSE(t.vcpus[0]->external_interrupt);
  t.mmio.read(uart.base, bus::Width::word, id);  // the cause is gone
  t.mmio.write(gic_cpu_interface + 0x10, bus::Width::word, 32 + uart.irq);
  ASSERT_TRUE(t.vcpus[0]->private_sink);
  t.vcpus[0]->private_sink(hv::Vcpu::Private::virtual_timer, true);
  EXPECT_TRUE(t.vcpus[0]->external_interrupt);
  EXPECT_TRUE(t.mmio.read(gic_cpu_interface + 0xc, bus::Width::word, id));
  EXPECT_EQ(id, 27u);
}

TEST(Board, InputRaisesTheUartsLine) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  t.mmio.write(0x0900'0000 + 0x38, bus::Width::word, 1 << 4 | 1 << 6);  // IMSC: receive, timeout
  const u8 input[] = {'x'};
  EXPECT_EQ(t.machine->receive(0, input), 1u);
  EXPECT_TRUE(t.vm.lines.at(1).asserted());
}

TEST(Board, RefusesMoreDevicesThanSlots) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB});
  EXPECT_FALSE(t.build(33));
  EXPECT_EQ(t.failure.kind, Error::Kind::usage);
  EXPECT_EQ(t.error, "33 virtio devices do not fit this board's 32 slots");
  TestMachine all(Arch::aarch64, {.ram = 64_MiB});
  EXPECT_TRUE(all.build(32)) << all.error;
}

TEST(Board, MissingControllerIsAnError) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB});
  t.vm.has_irqchip = false;
  EXPECT_FALSE(t.build());
}

TEST(BootState, FollowsTheContractForEachFormat) {
  TestMachine flat(Arch::aarch64, {.ram = 64_MiB, .cpus = 2});
  ASSERT_TRUE(flat.build() && flat.load({})) << flat.error;
  auto first = std::get<BootState>(flat.machine->boot_state(0));
  EXPECT_FALSE(first.powered_off);
  EXPECT_EQ(first.pc, 0x4008'0000u);
  EXPECT_EQ(first.x0 % 8, 0u);
  EXPECT_TRUE(std::get<BootState>(flat.machine->boot_state(1)).powered_off);
  EXPECT_EQ(flat.at<u8>(0x4008'0000), 0xc3);

  TestMachine image(Arch::aarch64, {.ram = 64_MiB});
  ASSERT_TRUE(image.build());
  ASSERT_TRUE(image.load({.kernel = boot::test::arm64_image(0x1000, 0x10000, 8192)}))
      << image.error;
  EXPECT_EQ(std::get<BootState>(image.machine->boot_state(0)).pc, 0x4000'1000u);
  EXPECT_GT(std::get<BootState>(image.machine->boot_state(0)).x0, 0x4001'1000u);
  EXPECT_NE(image.machine->summary().find("arm64 Image"), std::string::npos);

  // An ELF that leaves the first MiB free finds its tree where RAM begins.
  TestMachine elf(Arch::aarch64, {.ram = 64_MiB});
  ASSERT_TRUE(elf.build());
  auto file = boot::test::elf(boot::test::em_aarch64, 0x4020'0010,
                              {{0x4020'0000, 0x1000, 0x100, 0x200}}, 0x1100);
  ASSERT_TRUE(elf.load({.kernel = file})) << elf.error;
  EXPECT_EQ(std::get<BootState>(elf.machine->boot_state(0)).pc, 0x4020'0010u);
  EXPECT_EQ(std::get<BootState>(elf.machine->boot_state(0)).x0, 0x4000'0000u);
}

TEST(Board, PostsTheUartsDataRegisterOnly) {
  TestMachine t(Arch::aarch64, {.ram = 64_MiB});
  auto windows = t.machine->posted_windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].space, hv::Space::mmio);
  EXPECT_EQ(windows[0].range.base, 0x0900'0000u);
  EXPECT_EQ(windows[0].range.size, 4u);
  EXPECT_EQ(t.machine->call({}).error, -1);
  EXPECT_FALSE(t.machine->press_power_button());
  EXPECT_EQ(t.machine->highest_address(), 0x4000'0000u + 64_MiB - 1);
}

}  // namespace
}  // namespace pv::machine::aarch64
