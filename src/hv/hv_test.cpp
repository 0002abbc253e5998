#include <gtest/gtest.h>

#include "hv/exit.h"
#include "hv/irq_line.h"

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

}  // namespace
}  // namespace pv::hv
