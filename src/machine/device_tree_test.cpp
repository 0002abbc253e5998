// The device trees of the boards against golden/*.dts, through dtc, which also checks them.
#include <gtest/gtest.h>

#include "machine/tree_golden.h"

namespace pv::machine {
namespace {

const TreeCase cases[] = {
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

struct Trees : ::testing::TestWithParam<TreeCase> {};

TEST_P(Trees, AreTheGoldenAndValid) { expect_tree(GetParam()); }

// Whatever boards there are: a new one's trees are written by UPDATE_GOLDENS=1.
TEST(Trees, OfEveryBoardAreTheGoldenAndValid) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64})
    for (std::string_view board : boards(arch)) expect_board_trees(arch, board);
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
