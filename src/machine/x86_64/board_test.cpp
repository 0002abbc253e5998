#include "machine/x86_64/board.h"

#include <gtest/gtest.h>

#include "base/endian.h"
#include "boot/test_images.h"
#include "machine/test_machine.h"
#include "machine/x86_64/memory_map.h"

namespace pv::machine::x86_64 {
namespace {

using Kind = IrqChipKind;
using bus::Width;

TEST(PcIrqchip, IsTheOnlyOne) {
  for (Kind kind : {Kind::automatic, Kind::pc}) {
    auto chip = Board({.ram = 64_MiB, .irqchip = kind}).choose_irqchip(without({}));
    ASSERT_TRUE(chip);
    EXPECT_TRUE(std::holds_alternative<machine::PcIrqChip>(*chip));
  }
  auto gic = Board({.ram = 64_MiB, .irqchip = Kind::gicv3}).choose_irqchip(without({}));
  ASSERT_FALSE(gic);
  EXPECT_EQ(gic.error().message, "--irqchip gicv3 does not exist on x86_64");
  auto none = Board({.ram = 64_MiB}).choose_irqchip(without({Kind::pc}));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, Error::Kind::host);
  EXPECT_TRUE(Board({.ram = 64_MiB, .cpus = 255}).choose_irqchip(without({})));
  auto many = Board({.ram = 64_MiB, .cpus = 256}).choose_irqchip(without({}));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().message, "256 CPUs are more than the 255 of this board");
}

TEST(PcBoard, DevicesAreWhereTheContractSays) {
  TestMachine t(Arch::x86_64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build(3)) << t.error;
  u64 value;
  EXPECT_TRUE(t.pio.write(0x3f8, Width::byte, 'A'));
  EXPECT_EQ(t.serial_out.text(), "A");
  EXPECT_TRUE(t.pio.write(0x70, Width::byte, 0x0d));
  EXPECT_TRUE(t.pio.read(0x71, Width::byte, value));
  EXPECT_EQ(value, 0x80u);  // the clock's battery is good
  EXPECT_TRUE(t.pio.write(0x604, Width::half, 0x2000));
  EXPECT_EQ(t.power.power_offs, 1u);
  EXPECT_TRUE(t.pio.write(0x64, Width::byte, 0xfe));
  EXPECT_EQ(t.power.resets, 1u);
  EXPECT_TRUE(t.pio.write(0x92, Width::byte, 1));
  EXPECT_EQ(t.power.resets, 2u);
  EXPECT_TRUE(t.pio.write(0x505, Width::byte, 1));
  EXPECT_EQ(t.power.crashes, 1u);
  EXPECT_TRUE(t.pio.write(0xf4, Width::word, 42));
  EXPECT_EQ(t.power.last_code, 42);
  for (u64 slot = 0; slot < 3; ++slot) {
    EXPECT_TRUE(t.mmio.read(0xfeb0'0000 + slot * 0x200, Width::word, value));
    EXPECT_EQ(value, 0x7472'6976u);
  }
  std::vector<u32> gsis;
  for (const auto& [gsi, line] : t.vm.lines) gsis.push_back(gsi);
  EXPECT_EQ(gsis, (std::vector<u32>{4, 9, 16, 17, 18}));
}

TEST(PcBoard, RefusesMoreDevicesThanSlots) {
  TestMachine t(Arch::x86_64, {.ram = 64_MiB});
  EXPECT_FALSE(t.build(9));
  EXPECT_EQ(t.error, "9 virtio devices do not fit this board's 8 slots");
  TestMachine all(Arch::x86_64, {.ram = 64_MiB});
  EXPECT_TRUE(all.build(8)) << all.error;
}

TEST(PcBoard, PowerButtonNeedsItsDriver) {
  TestMachine t(Arch::x86_64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  EXPECT_FALSE(t.machine->press_power_button());
  t.pio.write(0x602, Width::half, 1 << 8);  // PWRBTN_EN
  EXPECT_TRUE(t.machine->press_power_button());
  EXPECT_TRUE(t.vm.lines.at(9).asserted());
}

TEST(PcBoard, InputAndPostedWindow) {
  TestMachine t(Arch::x86_64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  t.pio.write(0x3f9, Width::byte, 1);
  t.pio.write(0x3fc, Width::byte, 8);  // OUT2: interrupts reach the line
  const u8 input[] = {'x'};
  EXPECT_EQ(t.machine->receive(0, input), 1u);
  EXPECT_TRUE(t.vm.lines.at(4).asserted());
  auto windows = t.machine->posted_windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].space, hv::Space::pio);
  EXPECT_EQ(windows[0].range.base, 0x3f8u);
  EXPECT_EQ(windows[0].range.size, 1u);
}

// ---- memory -------------------------------------------------------------------------------------

struct Line {
  u64 base, end;
  u32 type;
  bool operator==(const Line&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Line& line) {
  return out << text("[{:#x}, {:#x}) {}", line.base, line.end, line.type);
}

// The e820 table of the zero page: count at 0x1e8, entries of 20 bytes at 0x2d0.
std::vector<Line> e820(const TestMachine& t) {
  std::vector<Line> lines;
  for (u64 i = 0; i < t.at<u8>(zero_page + 0x1e8); ++i) {
    u64 at = zero_page + 0x2d0 + 20 * i;
    u64 base = t.at<Le64>(at), size = t.at<Le64>(at + 8);
    lines.push_back({base, base + size, t.at<Le32>(at + 16)});
  }
  return lines;
}

struct MapCase {
  u64 size;
  std::vector<Line> above_1m;
  VirtioBus virtio = VirtioBus::mmio;
};

TEST(PcMemory, MapForEachSize) {
  const MapCase map_cases[] = {
      {64_MiB, {{0x10'0000, 64_MiB, 1}}},
      {3_GiB, {{0x10'0000, 3_GiB, 1}}},
      {3_GiB + 2_MiB, {{0x10'0000, 3_GiB, 1}, {4_GiB, 4_GiB + 2_MiB, 1}}},
      {5_GiB, {{0x10'0000, 3_GiB, 1}, {4_GiB, 6_GiB, 1}}},
      {0xb000'0000 - 4_KiB,
       {{0x10'0000, 0xb000'0000 - 4_KiB, 1}, {0xb000'0000, 0xb010'0000, 2}},
       VirtioBus::pci},
      {0xb000'0000,
       {{0x10'0000, 2_GiB, 1}, {0xb000'0000, 0xb010'0000, 2}, {4_GiB, 0x1'3000'0000, 1}},
       VirtioBus::pci},
  };
  for (const MapCase& c : map_cases) {
    // More than the address space of a 32-bit host, on which this board is tested too.
    if (sizeof(void*) == 4 && c.size > 1_GiB) continue;
    TestMachine t(Arch::x86_64, {.ram = c.size, .virtio = c.virtio});
    ASSERT_TRUE(t.build() && t.load({})) << t.error;
    std::vector<Line> expected{{0, 0x9'fc00, 1}, {0x9'fc00, 0x10'0000, 2}};
    expected.insert(expected.end(), c.above_1m.begin(), c.above_1m.end());
    EXPECT_EQ(e820(t), expected) << c.size;
    u64 sum = 0;
    for (const auto& bank : t.machine->ram()) sum += bank.size;
    EXPECT_EQ(sum, c.size);
    EXPECT_EQ(t.machine->highest_address(), std::max(c.above_1m.back().end, 4_GiB) - 1);
    // No bank reaches the devices below 4 GiB.
    EXPECT_LE(t.machine->ram()[0].end(), virtio_base);
  }
}

// ---- loading ------------------------------------------------------------------------------------

TEST(PcLoad, FlatBinaryWithBootParams) {
  TestMachine t(Arch::x86_64, {.ram = 64_MiB, .cpus = 2});
  ASSERT_TRUE(t.build(1)) << t.error;
  TestPayload payload;
  payload.initrd = boot::test::pattern(5000);
  payload.command_line = "console=ttyS0 quiet";
  ASSERT_TRUE(t.load(payload)) << t.error;
  auto state = std::get<BootState>(t.machine->boot_state(0));
  EXPECT_EQ(state.rip, 0x10'0000u);
  EXPECT_EQ(state.rsi, zero_page);
  EXPECT_TRUE(std::get<BootState>(t.machine->boot_state(1)).wait_for_sipi);
  EXPECT_EQ(t.string_at(t.at<Le32>(zero_page + 0x228)), payload.command_line);
  u64 initrd = t.at<Le32>(zero_page + 0x218);
  EXPECT_EQ(t.at<Le32>(zero_page + 0x21c), 5000u);
  EXPECT_EQ(initrd % 4096, 0u);
  EXPECT_EQ(t.bytes_at(initrd, 5000), payload.initrd);
  u64 rsdp = t.at<Le64>(zero_page + 0x70);
  EXPECT_EQ(rsdp, 0xe'0000u);
  EXPECT_EQ(t.bytes_at(rsdp, 8), boot::test::blob("RSD PTR "));
  // Where other CPUs start, the contract leaves room.
  EXPECT_EQ(t.bytes_at(0x1'0000, 0x1'0000), std::vector<u8>(0x1'0000));
}

TEST(PcLoad, PvhKernelFindsItsStartInfo) {
  TestMachine t(Arch::x86_64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  auto elf = boot::test::elf(boot::test::em_x86_64, 0x10'0000,
                             {{0x10'0000, 0x1000, 0x100, 0x100}, {0, 0x200, 20, 20, 0, 4}}, 0x1100);
  boot::test::put_pvh_note(elf, 0x200, 0x10'0040);
  ASSERT_TRUE(t.load({.kernel = elf, .command_line = "hello"})) << t.error;
  auto state = std::get<BootState>(t.machine->boot_state(0));
  EXPECT_EQ(state.rip, 0x10'0040u);
  EXPECT_EQ(state.efer, 0u);
  EXPECT_EQ(t.at<Le32>(state.rbx), 0x336e'c578u);
  EXPECT_EQ(t.string_at(t.at<Le64>(state.rbx + 24)), "hello");
  EXPECT_EQ(t.at<Le64>(state.rbx + 32), 0xe'0000u);
}

TEST(PcLoad, WithoutAcpiTheWindowsAreOnTheCommandLine) {
  TestMachine t(Arch::x86_64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build(2)) << t.error;
  ASSERT_TRUE(t.load({.command_line = "acpi=off"})) << t.error;
  EXPECT_EQ(t.string_at(command_line),
            "acpi=off virtio_mmio.device=512@0xfeb00000:16 virtio_mmio.device=512@0xfeb00200:17");
}

TEST(PcLoad, ADeviceTreeIsRefused) {
  TestMachine t(Arch::x86_64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  EXPECT_FALSE(t.load({.device_tree = std::vector<u8>(100)}));
  EXPECT_EQ(t.failure.kind, Error::Kind::usage);
  EXPECT_EQ(t.error, "--dtb: x86_64 guests have no device tree");
  EXPECT_TRUE(t.machine->device_tree().empty());
}

TEST(PcLoad, TooLittleMemoryIsASentence) {
  TestMachine t(Arch::x86_64, {.ram = 1_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  EXPECT_FALSE(t.load({}));
  EXPECT_EQ(t.failure.kind, Error::Kind::image);
  EXPECT_EQ(t.error,
            "kernel: the kernel with its working memory needs 0x100000-0x100fff, but guest RAM "
            "is 0x0-0xfffff");
}

TEST(PcLoad, KernelsKeepOffTheBootData) {
  TestMachine t(Arch::x86_64, {.ram = 64_MiB});
  ASSERT_TRUE(t.build()) << t.error;
  auto low =
      boot::test::elf(boot::test::em_x86_64, 0x9000, {{0x9000, 0x1000, 0x100, 0x100}}, 0x1100);
  EXPECT_FALSE(t.load({.kernel = low}));
  EXPECT_NE(t.error.find("boot data"), std::string::npos) << t.error;
  auto acpi =
      boot::test::elf(boot::test::em_x86_64, 0xe'0000, {{0xe'0000, 0x1000, 0x100, 0x100}}, 0x1100);
  EXPECT_FALSE(t.load({.kernel = acpi}));
  EXPECT_NE(t.error.find("ACPI tables"), std::string::npos) << t.error;
}

TEST(PcLoad, LinuxNeedsHardwareVirtualisation) {
  HostFacts pvm;
  pvm.software_virtualised = true;
  TestMachine t(Arch::x86_64, {.ram = 64_MiB}, pvm);
  ASSERT_TRUE(t.build()) << t.error;
  EXPECT_TRUE(t.load({})) << t.error;
  EXPECT_FALSE(t.load({.kernel = boot::test::bzimage(4096, 0x100'0000, 0x10'0000)}));
  EXPECT_NE(t.error.find("KVM-PVM"), std::string::npos) << t.error;
  TestMachine real(Arch::x86_64, {.ram = 64_MiB});
  ASSERT_TRUE(real.build()) << real.error;
  ASSERT_TRUE(real.load({.kernel = boot::test::bzimage(4096, 0x100'0000, 0x10'0000)}))
      << real.error;
  EXPECT_EQ(std::get<BootState>(real.machine->boot_state(0)).rip, 0x100'0200u);
}

}  // namespace
}  // namespace pv::machine::x86_64
