#include <gtest/gtest.h>

#include <set>
#include <string_view>

#include "hv/exit.h"
#include "hv/irq_line.h"
#include "hv/registers.h"

namespace pv::hv {
namespace {

TEST(IrqLine, PulseIsOneRisingEdge) {
  FakeIrqLine line;
  line.pulse();
  EXPECT_FALSE(line.asserted());
  EXPECT_EQ(line.rising_edges(), 1u);
  line.set(true);
  line.set(true);
  EXPECT_EQ(line.rising_edges(), 2u);
}

TEST(Exit, EveryCauseHasItsName) {
  EXPECT_STREQ(exit_names[Exit(Halted{}).index()], "halted");
  EXPECT_STREQ(exit_names[Exit(Unknown{}).index()], "unknown");
  EXPECT_STREQ(exit_names[Exit(Nisv{}).index()], "nisv");
}

TEST(Registers, EveryTableHasUniqueNamesAndItsProgramCounter) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64, Arch::powerpc, Arch::x86_64}) {
    std::set<std::string_view> names;
    for (const RegisterInfo& info : register_table(arch)) {
      EXPECT_TRUE(names.insert(info.name).second) << info.name << " twice on " << name(arch);
      EXPECT_TRUE(info.bits >= 8 && info.bits <= 128) << info.name;
    }
    EXPECT_TRUE(names.contains(program_counter(arch))) << name(arch);
  }
}

TEST(Registers, AFileKnowsWhatWasSetOnly) {
  RegisterFile file(Arch::aarch64, register_table(Arch::aarch64));
  EXPECT_EQ(file.get("esr_el1"), std::nullopt);
  EXPECT_TRUE(file.set("esr_el1", 0x9600'0045));
  EXPECT_EQ(file.get("esr_el1"), 0x9600'0045u);
  EXPECT_EQ(file.get_or("far_el1", 7), 7u);
  EXPECT_FALSE(file.set("eax", 1));
  EXPECT_EQ(file.get("eax"), std::nullopt);
}

}  // namespace
}  // namespace pv::hv
