// The boards with PCI: what answers where, which way interrupts go, what is refused.
#include "machine/pci_host.h"

#include <gtest/gtest.h>

#include "machine/test_machine.h"

namespace pv::machine {
namespace {

using bus::Width;

struct Board {
  const char* name;
  Arch arch;
  IrqChipKind irqchip;
  u64 config, memory;
  u32 first_irq;
  bool msix;
  const char* board = "";
  unsigned device_shift = 15;
};

const Board boards[] = {
    {"gicv3", Arch::aarch64, IrqChipKind::gicv3, 0x3f00'0000, 0x1000'0000, 3, true},
    {"gicv2", Arch::aarch64, IrqChipKind::gicv2, 0x3f00'0000, 0x1000'0000, 3, true},
    {"plic", Arch::riscv64, IrqChipKind::plic, 0x3000'0000, 0x4000'0000, 32, false},
    {"aia", Arch::riscv64, IrqChipKind::aia, 0x3000'0000, 0x4000'0000, 32, true},
    {"pc", Arch::x86_64, IrqChipKind::pc, 0xb000'0000, 0xc000'0000, 16, true},
    {"kvmtool_gicv3", Arch::aarch64, IrqChipKind::gicv3, 0x4000'0000, 0x5000'0000, 8, true,
     "kvmtool"},
    {"kvmtool_user", Arch::aarch64, IrqChipKind::user, 0x4000'0000, 0x5000'0000, 8, true,
     "kvmtool"},
    {"kvmtool_plic", Arch::riscv64, IrqChipKind::plic, 0x3000'0000, 0x4000'0000, 8, false,
     "kvmtool"},
    {"kvmtool_aia", Arch::riscv64, IrqChipKind::aia, 0x3000'0000, 0x4000'0000, 8, true, "kvmtool"},
    {"crosvm_gicv3", Arch::aarch64, IrqChipKind::gicv3, 0x1'0000, 0x0200'0000, 4, true, "crosvm",
     11},
    {"crosvm_gicv2", Arch::aarch64, IrqChipKind::gicv2, 0x1'0000, 0x0200'0000, 4, true, "crosvm",
     11},
};

struct PciBoards : testing::TestWithParam<Board> {
  TestMachine machine{GetParam().arch,
                      {.ram = 64_MiB,
                       .irqchip = GetParam().irqchip,
                       .virtio = VirtioBus::pci,
                       .board = GetParam().board}};

  u32 config(unsigned device, u32 reg, Width width = Width::word) {
    u64 value = 0;
    machine.mmio.read(GetParam().config + (u64{device} << GetParam().device_shift) + reg, width,
                      value);
    return static_cast<u32>(value);
  }
  void configure(unsigned device, u32 reg, Width width, u64 value) {
    machine.mmio.write(GetParam().config + (u64{device} << GetParam().device_shift) + reg, width,
                       value);
  }
};

TEST_P(PciBoards, HaveTheirDevicesOnTheBus) {
  ASSERT_TRUE(machine.build(3)) << machine.error;
  EXPECT_EQ(config(1, 0), 0x1043'1af4u);  // console
  EXPECT_EQ(config(2, 0), 0x1042'1af4u);  // disk
  EXPECT_EQ(config(3, 0), 0x1044'1af4u);  // entropy
  EXPECT_EQ(config(4, 0), ~0u);
  EXPECT_EQ(config(0, 0), GetParam().arch == Arch::x86_64 ? 0x29c0'8086u : ~0u);
  if (GetParam().arch == Arch::x86_64) {
    EXPECT_EQ(config(0, 0x60), GetParam().config | 1);
    EXPECT_EQ(config(0, 0x64), 0u);
  }
  EXPECT_TRUE(machine.machine->virtio_slots().empty());
  EXPECT_EQ(machine.machine->transports().size(), 3u);
  configure(3, 0x14, Width::word, GetParam().memory + 0x1'0000);
  configure(3, 0x04, Width::half, pci::spec::command_memory);
  u64 queues = 0;
  EXPECT_TRUE(machine.mmio.read(GetParam().memory + 0x1'0000 + virtio::spec::pci::NumQueues,
                                Width::half, queues));
  EXPECT_EQ(queues, 1u);
}

TEST_P(PciBoards, PutDevicesWhereTheyAreAsked) {
  machine.pci_devices = {0, 1, 31};
  ASSERT_TRUE(machine.build(3)) << machine.error;
  EXPECT_EQ(config(1, 0), 0x1042'1af4u);   // disk
  EXPECT_EQ(config(2, 0), 0x1043'1af4u);   // console: the lowest that is free
  EXPECT_EQ(config(31, 0), 0x1044'1af4u);  // entropy
  EXPECT_EQ(config(3, 0), ~0u);
}

TEST_P(PciBoards, HaveMsixWhereMessagesAreTaken) {
  ASSERT_TRUE(machine.build(1)) << machine.error;
  bool found = false;
  for (u32 at = config(1, 0x34, Width::byte); at != 0; at = config(1, at + 1, Width::byte))
    found = found || config(1, at, Width::byte) == pci::spec::capability_msix;
  EXPECT_EQ(found, GetParam().msix);
}

TEST_P(PciBoards, RefuseMoreDevicesThanTheBusHasNumbers) {
  EXPECT_FALSE(machine.build(32));
  EXPECT_EQ(machine.error, "32 virtio devices do not fit a PCI bus of 31");
}

INSTANTIATE_TEST_SUITE_P(All, PciBoards, testing::ValuesIn(boards),
                         [](const auto& test) { return std::string(test.param.name); });

// Its registers are conventional PCI's, and there are no ports.
TEST(PciBoard, CrosvmsRefusesTransitionalDevices) {
  TestMachine machine(Arch::aarch64,
                      {.ram = 64_MiB, .virtio = VirtioBus::pci_transitional, .board = "crosvm"});
  EXPECT_FALSE(machine.build(1));
  EXPECT_EQ(machine.error,
            "the board \"crosvm\" has no PCI ports, which transitional devices need");
}

// Port 0x1000 is at the same address on riscv64: the UARTs have the page below.
TEST(PciBoard, KvmtoolsHasItsPortsAtZero) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64}) {
    TestMachine machine(arch,
                        {.ram = 64_MiB, .virtio = VirtioBus::pci_transitional, .board = "kvmtool"});
    ASSERT_TRUE(machine.build(1)) << machine.error;
    const u64 device = (arch == Arch::aarch64 ? 0x4000'0000 : 0x3000'0000) + 0x8000;
    machine.mmio.write(device + 0x10, Width::word, 0x1000);
    machine.mmio.write(device + 0x04, Width::half, pci::spec::command_io);
    u64 status = 1;
    EXPECT_TRUE(
        machine.mmio.read(0x1000 + virtio::spec::pci::legacy::DeviceStatus, Width::byte, status));
    EXPECT_EQ(status, 0u);
  }
}

TEST(PciBoard, OnAGicV3WithoutItsUsesLines) {
  TestMachine machine(Arch::aarch64, {.ram = 64_MiB, .virtio = VirtioBus::pci});
  machine.supported = without({IrqChipKind::its});
  ASSERT_TRUE(machine.build(1)) << machine.error;
  ASSERT_TRUE(machine.load({})) << machine.error;
}

TEST(PciBoard, OnAGicV2TurnsMessagesIntoSharedInterrupts) {
  TestMachine machine(Arch::aarch64,
                      {.ram = 64_MiB, .irqchip = IrqChipKind::gicv2, .virtio = VirtioBus::pci});
  ASSERT_TRUE(machine.build(1)) << machine.error;
  u64 frame = 0;
  ASSERT_TRUE(machine.mmio.read(0x0802'0008, Width::word, frame));
  EXPECT_EQ(frame, (32u + 48) << 16 | 64);
  ASSERT_TRUE(machine.mmio.write(0x0802'0040, Width::word, 32 + 48 + 5));
  EXPECT_EQ(machine.vm.lines[48 + 5].rising_edges(), 1u);
}

TEST(PciBoard, OnAPcStillResetsAtPortCf9) {
  TestMachine machine(Arch::x86_64, {.ram = 64_MiB, .virtio = VirtioBus::pci});
  ASSERT_TRUE(machine.build(1)) << machine.error;
  machine.pio.write(0xcf8, Width::word, 0x8000'0800);
  u64 id = 0;
  ASSERT_TRUE(machine.pio.read(0xcfc, Width::word, id));
  EXPECT_EQ(id, 0x1043'1af4u);
  machine.pio.write(0xcf9, Width::byte, 6);
  EXPECT_EQ(machine.power.resets, 1u);
}

TEST(PciBoard, OnPowerpcIsRefusedByName) {
  const auto refused = create(Arch::powerpc, {.ram = 64_MiB, .virtio = VirtioBus::pci});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "--transport pci: this board has no PCI on powerpc");
}

TEST(PciBoard, TransitionalDevicesHaveTheOldIds) {
  TestMachine machine(
      Arch::riscv64,
      {.ram = 64_MiB, .irqchip = IrqChipKind::plic, .virtio = VirtioBus::pci_transitional});
  ASSERT_TRUE(machine.build(1)) << machine.error;
  u64 id = 0;
  ASSERT_TRUE(machine.mmio.read(0x3000'8000, Width::word, id));
  EXPECT_EQ(id, 0x1003'1af4u);
  machine.mmio.write(0x3000'8010, Width::word, 0x1000);
  machine.mmio.write(0x3000'8004, Width::half, pci::spec::command_io);
  u64 status = 1;
  EXPECT_TRUE(machine.mmio.read(0x0300'1000 + virtio::spec::pci::legacy::DeviceStatus, Width::byte,
                                status));
  EXPECT_EQ(status, 0u);
}

}  // namespace
}  // namespace pv::machine
