#include "machine/machine.h"

#include <gtest/gtest.h>

namespace pv::machine {
namespace {

TEST(Create, KnowsWhichBoardsThereAre) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64, Arch::powerpc, Arch::x86_64}) {
    auto machine = create(arch, {.ram = 64_MiB});
    ASSERT_TRUE(machine) << name(arch);
    u64 sum = 0;
    for (const auto& bank : (*machine)->ram()) sum += bank.size;
    EXPECT_EQ(sum, 64_MiB) << name(arch);
  }
}

TEST(IrqChips, AreSpelledAsOnTheCommandLine) {
  EXPECT_EQ(name(IrqChipKind::automatic), "auto");
  EXPECT_EQ(name(IrqChipKind::gicv2), "gicv2");
  EXPECT_EQ(name(IrqChipKind::gicv3), "gicv3");
  EXPECT_EQ(name(IrqChipKind::plic), "plic");
  EXPECT_EQ(name(IrqChipKind::aia), "aia");
}

}  // namespace
}  // namespace pv::machine
