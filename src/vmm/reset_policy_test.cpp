#include "vmm/reset_policy.h"

#include <gtest/gtest.h>

#include "hv/fake.h"
#include "inspect/poison.h"

namespace pv::vmm {
namespace {

// Registers of aarch64, whatever this host is.
hv::RegisterFile after_reset() {
  hv::RegisterFile file(Arch::aarch64, hv::register_table(Arch::aarch64));
  file.set("tpidr_el1", inspect::kvm_poison);
  file.set("far_el1", inspect::kvm_poison);
  file.set("vbar_el1", 0);
  file.set("sctlr_el1", 0x30c50838);
  file.set("x0", inspect::kvm_poison);
  return file;
}

TEST(ResetPolicy, ReplacesOnlyWhatIsUnknown) {
  hv::FakeVcpu cpu(0);
  cpu.registers = after_reset();
  const auto none = [] { return u64{0}; };
  EXPECT_EQ(apply_reset_policy(cpu, config::ResetPolicy::kvm, none).value_or(9), 0u);
  EXPECT_EQ(cpu.registers.get("tpidr_el1"), inspect::kvm_poison);
  EXPECT_EQ(apply_reset_policy(cpu, config::ResetPolicy::zero, none).value_or(9), 2u);
  EXPECT_EQ(cpu.registers.get("tpidr_el1"), 0u);
  EXPECT_EQ(cpu.registers.get("far_el1"), 0u);
  EXPECT_EQ(cpu.registers.get("sctlr_el1"), 0x30c50838u);
  EXPECT_EQ(cpu.registers.get("x0"), inspect::kvm_poison);  // the boot state's business
}

TEST(ResetPolicy, RandomAsksForEach) {
  hv::FakeVcpu cpu(0);
  cpu.registers = after_reset();
  u64 next = 100;
  EXPECT_EQ(
      apply_reset_policy(cpu, config::ResetPolicy::random, [&] { return next++; }).value_or(9), 2u);
  EXPECT_EQ(next, 102u);
  EXPECT_NE(cpu.registers.get("tpidr_el1"), cpu.registers.get("far_el1"));
}

}  // namespace
}  // namespace pv::vmm
