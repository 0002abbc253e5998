#include "inspect/own_breakpoint.h"

#include <gtest/gtest.h>

namespace pv::inspect {
namespace {

struct Own : ::testing::Test {
  hv::RegisterFile file;
  WriteRegister write = [this](usize index, hv::RegisterValue value) -> Result<void> {
    file.set(index, value);
    return {};
  };
  void use(Arch arch) { file = hv::RegisterFile(arch, hv::register_table(arch)); }
};

// brk #0x800 (Linux's BUG) at EL1.
TEST_F(Own, Aarch64EntersItsVector) {
  use(Arch::aarch64);
  ASSERT_TRUE(file.set("pc", 0x4000) && file.set("cpsr", 0x6000'0005) &&
              file.set("vbar_el1", 0xffff'0000'0000'0800));
  hv::RegisterFile before = file;
  ASSERT_TRUE(give_breakpoint(before, 0xd421'0000, write).value_or(false));
  EXPECT_EQ(file.get("pc"), 0xffff'0000'0000'0a00u);
  EXPECT_EQ(file.get("elr_el1"), 0x4000u);
  EXPECT_EQ(file.get("spsr_el1"), 0x6000'0005u);
  EXPECT_EQ(file.get("esr_el1"), 0xf200'0800u);
  EXPECT_EQ(file.get_or("cpsr", 0) & 0x3cf, 0x3c5u);
  EXPECT_FALSE(file.get("far_el1"));
}

TEST_F(Own, Riscv64TrapsToTheSupervisor) {
  use(Arch::riscv64);
  ASSERT_TRUE(file.set("pc", 0x8000'0010) && file.set("stvec", 0x8000'2001) &&
              file.set("sstatus", 0x2'0000'0002) && file.set("priv", 1));
  hv::RegisterFile before = file;
  ASSERT_TRUE(give_breakpoint(before, 0x9002, write).value_or(false));
  EXPECT_EQ(file.get("pc"), 0x8000'2000u);
  EXPECT_EQ(file.get("sepc"), 0x8000'0010u);
  EXPECT_EQ(file.get("scause"), 3u);
  EXPECT_EQ(file.get("sstatus"), 0x2'0000'0120u);
  ASSERT_TRUE(before.set("priv", 0));
  ASSERT_TRUE(give_breakpoint(before, 0x9002, write).value_or(false));
  EXPECT_EQ(file.get("sstatus"), 0x2'0000'0020u);
  EXPECT_EQ(file.get("priv"), 1u);
}

TEST_F(Own, OthersAreLeftAlone) {
  use(Arch::powerpc);
  EXPECT_FALSE(give_breakpoint(file, 0, write).value_or(true));
}

}  // namespace
}  // namespace pv::inspect
