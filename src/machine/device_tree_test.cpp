// The device trees of the boards against golden/*.dts, through dtc, which also checks them.
#include <gtest/gtest.h>

#include "machine/golden.h"
#include "machine/test_machine.h"

namespace pv::machine {
namespace {

struct Case {
  const char* name;
  Arch arch;
  IrqChipKind irqchip;
  unsigned cpus;
  usize virtio;  // 3: console, disk, rng
  bool initrd;
  const char* command_line;
  VirtioBus bus = VirtioBus::mmio;
};

const Case cases[] = {
    {"gicv3_1cpu", Arch::aarch64, IrqChipKind::gicv3, 1, 0, false, ""},
    {"gicv3_4cpu_virtio", Arch::aarch64, IrqChipKind::gicv3, 4, 3, true, "console=hvc0 quiet"},
    {"gicv2_1cpu", Arch::aarch64, IrqChipKind::gicv2, 1, 0, false, ""},
    {"gicv2_4cpu_virtio", Arch::aarch64, IrqChipKind::gicv2, 4, 3, true, "console=hvc0 quiet"},
    {"gicv3_18cpu", Arch::aarch64, IrqChipKind::gicv3, 18, 0, false, "two Aff1 groups"},
    {"plic_1cpu", Arch::riscv64, IrqChipKind::plic, 1, 0, false, ""},
    {"plic_4cpu_virtio", Arch::riscv64, IrqChipKind::plic, 4, 3, true, "console=hvc0 quiet"},
    {"aia_1cpu", Arch::riscv64, IrqChipKind::aia, 1, 0, false, ""},
    {"aia_4cpu_virtio", Arch::riscv64, IrqChipKind::aia, 4, 3, true, "console=hvc0 quiet"},
    {"gicv3_pci", Arch::aarch64, IrqChipKind::gicv3, 1, 3, false, "", VirtioBus::pci},
    {"gicv2_pci", Arch::aarch64, IrqChipKind::gicv2, 1, 3, false, "", VirtioBus::pci},
    {"plic_pci", Arch::riscv64, IrqChipKind::plic, 1, 3, false, "", VirtioBus::pci},
    {"aia_pci", Arch::riscv64, IrqChipKind::aia, 1, 3, false, "", VirtioBus::pci},
    {"e500v2_1cpu", Arch::powerpc, IrqChipKind::mpic, 1, 0, false, ""},
    {"e5500_4cpu_virtio", Arch::powerpc, IrqChipKind::mpic, 4, 3, true, "console=hvc0 quiet"},
};

// The bindings of riscv,cpu-intc and riscv,imsics have no #address-cells; dtc would like one in
// whatever an interrupt-map could lead to, and there is no such map.
// The GPIO power switch has no registers of its own and lies on the bus all the same.
bool is_expected(std::string_view warning) {
  if (warning.find("(simple_bus_reg)") != warning.npos &&
      warning.find("/power-off") != warning.npos)
    return true;
  return warning.find("(interrupt_provider)") != warning.npos &&
         (warning.find("/cpus/cpu@") != warning.npos || warning.find("/imsics@") != warning.npos);
}
std::string unexpected(std::string_view warnings) {
  std::string rest;
  while (!warnings.empty()) {
    std::string_view line = warnings.substr(0, warnings.find('\n') + 1);
    if (!is_expected(line)) rest += line;
    warnings.remove_prefix(line.size());
  }
  return rest;
}

HostFacts facts(const Case& c) {
  HostFacts facts;
  facts.isa_letters = "imafdc";
  facts.isa_extensions = {"ssaia", "sstc", "zicbom"};
  facts.mmu = c.cpus == 1 ? "" : "sv48";
  facts.timebase_hz = 10'000'000;
  if (c.cpus != 1) facts.cbom_block = facts.cboz_block = 64;
  facts.aia_ids = 255;
  if (c.arch == Arch::powerpc) {
    bool small = c.cpus == 1;
    facts.processor_version = small ? 0x8021'0030 : 0x8024'1021;
    facts.timebase_hz = facts.clock_hz = 400'000'000;
    facts.cache_line = small ? 32 : 64;
    facts.hypercall = small ? std::array<u32, 4>{0x3c004b56, 0x60004d21, 0x44000002, 0x60000000}
                            : std::array<u32, 4>{0x44000022, 0x60000000, 0x60000000, 0x60000000};
    facts.hypercall_idle = true;
  }
  return facts;
}

struct Trees : ::testing::TestWithParam<Case> {};

void expect_tree(const Case& c, const std::string& board = "") {
  TestMachine t(
      c.arch,
      {.ram = 256_MiB, .cpus = c.cpus, .irqchip = c.irqchip, .virtio = c.bus, .board = board},
      facts(c));
  ASSERT_TRUE(t.build(c.virtio)) << t.error;
  TestPayload payload;
  payload.command_line = c.command_line;
  if (c.initrd) payload.initrd.resize(12345);
  ASSERT_TRUE(t.load(payload)) << t.error;

  // Byte for byte the tree that dtc has judged where there is one: hosts of other byte order have
  // none.
  expect_golden(text("{}/golden/{}.sum", name(c.arch), c.name), checksum(t.machine->device_tree()));
  if (!has_tool("dtc")) return;
  ScratchFolder scratch;
  std::string tree = scratch.file("tree.dtb"), warnings = scratch.file("warnings");
  write_file(tree, t.machine->device_tree());
  Output source = run("dtc -I dtb -O dts " + tree + " 2>" + warnings);
  ASSERT_EQ(source.status, 0);
  EXPECT_EQ(unexpected(read_text_file(warnings)), "");
  expect_golden(text("{}/golden/{}.dts", name(c.arch), c.name), source.text);
}

TEST_P(Trees, AreTheGoldenAndValid) { expect_tree(GetParam()); }

// Whatever boards there are: a new one's tree is written by UPDATE_GOLDENS=1.
TEST(Trees, OfEveryBoardAreTheGoldenAndValid) {
  for (auto [arch, chip] :
       {std::pair{Arch::aarch64, IrqChipKind::gicv3}, std::pair{Arch::riscv64, IrqChipKind::plic}})
    for (std::string_view board : boards(arch)) {
      const std::string name = text("board_{}", board), pci = text("board_{}_pci", board);
      expect_tree({name.c_str(), arch, chip, 2, 2, false, ""}, std::string(board));
      expect_tree({pci.c_str(), arch, chip, 2, 2, false, "", VirtioBus::pci}, std::string(board));
    }
}

INSTANTIATE_TEST_SUITE_P(Boards, Trees, ::testing::ValuesIn(cases),
                         [](const auto& test) { return std::string(test.param.name); });

// The tree that the guest finds is the one that device_tree() tells of, in one 2 MiB block.
TEST(Trees, LieWhereTheFirstRegisterPoints) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64, Arch::powerpc}) {
    TestMachine t(arch, {.ram = 64_MiB});
    ASSERT_TRUE(t.build(1)) << t.error;
    ASSERT_TRUE(t.load({})) << t.error;
    Bytes tree = t.machine->device_tree();
    BootState state = t.machine->boot_state(0);
    u64 address = arch == Arch::aarch64   ? std::get<aarch64::BootState>(state).x0
                  : arch == Arch::riscv64 ? std::get<riscv64::BootState>(state).a1
                                          : std::get<powerpc::BootState>(state).r3;
    EXPECT_EQ(address % 8, 0);
    EXPECT_EQ(align_down(address, 2_MiB), align_down(address + tree.size() - 1, 2_MiB));
    EXPECT_EQ(t.bytes_at(address, tree.size()), std::vector<u8>(tree.begin(), tree.end()));
  }
}

// The largest boards fit the room that is kept before the tree's size is known.
TEST(Trees, OfTheLargestBoardsFit) {
  HostFacts many;
  for (int i = 0; i < 60; ++i) many.isa_extensions.push_back(text("zextension{}", i));
  many.cbom_block = many.cboz_block = 64;
  for (auto [arch, cpus, virtio] :
       {std::tuple{Arch::aarch64, 123u, 32u}, std::tuple{Arch::riscv64, 64u, 8u},
        std::tuple{Arch::powerpc, 32u, 16u}}) {
    TestMachine t(arch, {.ram = 64_MiB, .cpus = cpus}, many);
    ASSERT_TRUE(t.build(virtio)) << t.error;
    EXPECT_TRUE(t.load({.command_line = std::string(1000, 'x')})) << t.error;
  }
}

}  // namespace
}  // namespace pv::machine
