#include "device/gic_v2.h"

#include <gtest/gtest.h>

#include "device/fakes.h"

namespace pv::device {
namespace {

using bus::Width;

struct GicTest : testing::Test {
  u32 in(u64 offset, u32 cpu = 0) { return static_cast<u32>(gic.read({offset, Width::word, cpu})); }
  void out(u64 offset, u32 value, u32 cpu = 0) { gic.write({offset, Width::word, cpu}, value); }
  void out8(u64 offset, u8 value, u32 cpu = 0) { gic.write({offset, Width::byte, cpu}, value); }
  static constexpr u64 c = GicV2::cpu_interface;
  u32 acknowledge(u32 cpu = 0) { return in(c + 0x0c, cpu); }
  void end(u32 value, u32 cpu = 0) { out(c + 0x10, value, cpu); }

  void SetUp() override {
    out(0x000, 1);
    for (u32 cpu : {0u, 1u}) {
      out(c + 0x00, 1, cpu);
      out(c + 0x04, 0xf0, cpu);
    }
  }
  // As Linux does: priority, target, trigger, enable.
  void enable(u32 id, u8 priority = 0xa0, u8 targets = 1, bool edge = false) {
    out8(0x400 + id, priority);
    out8(0x800 + id, targets);
    u64 config = 0xc00 + id / 16 * 4;
    u32 bit = 2u << (id % 16 * 2);
    out(config, edge ? in(config) | bit : in(config) & ~bit);
    out(0x100 + id / 32 * 4, 1u << (id % 32));
  }

  FakeExternalInterrupt cpu0, cpu1;
  GicV2 gic{96, {&cpu0, &cpu1}};
};

TEST_F(GicTest, SaysWhatItIs) {
  EXPECT_EQ(in(0x004), 2u | 1u << 5);  // 96 interrupts, two CPUs
  EXPECT_EQ(in(0xfe8) >> 4, 2u);       // architecture 2
  EXPECT_EQ(in(0x800), 0x0101'0101u);  // what each CPU learns its own number from
  EXPECT_EQ(in(0x800, 1), 0x0202'0202u);
  EXPECT_EQ(in(c + 0x14), 0xffu);  // nothing runs
  EXPECT_EQ(acknowledge(), 1023u);
}

TEST_F(GicTest, ALevelInterruptsUntilItsCauseIsGone) {
  hv::IrqLine& line = gic.shared(1);
  enable(33);
  line.set(true);
  EXPECT_TRUE(cpu0.level);
  EXPECT_FALSE(cpu1.level);
  EXPECT_EQ(acknowledge(), 33u);
  EXPECT_FALSE(cpu0.level);
  EXPECT_EQ(in(0x304), 2u) << "active";
  end(33);
  EXPECT_TRUE(cpu0.level) << "still high";
  EXPECT_EQ(acknowledge(), 33u);
  line.set(false);
  end(33);
  EXPECT_FALSE(cpu0.level);
  EXPECT_EQ(acknowledge(), 1023u);
}

TEST_F(GicTest, AnEdgeIsRememberedOnceAlsoWhileServed) {
  hv::IrqLine& line = gic.shared(16);
  enable(48, 0xa0, 1, true);
  line.pulse();
  EXPECT_TRUE(cpu0.level);
  EXPECT_EQ(acknowledge(), 48u);
  EXPECT_FALSE(cpu0.level);
  line.pulse();
  line.pulse();
  EXPECT_FALSE(cpu0.level) << "active ones wait";
  end(48);
  EXPECT_TRUE(cpu0.level);
  EXPECT_EQ(acknowledge(), 48u);
  end(48);
  EXPECT_FALSE(cpu0.level);
}

TEST_F(GicTest, AHigherPriorityPreemptsAndTheMaskHolds) {
  hv::IrqLine& low = gic.shared(1);
  hv::IrqLine& high = gic.shared(2);
  enable(33, 0xa0);
  enable(34, 0x40);
  low.set(true);
  EXPECT_EQ(acknowledge(), 33u);
  EXPECT_EQ(in(c + 0x14), 0xa0u);
  high.set(true);
  EXPECT_TRUE(cpu0.level);
  EXPECT_EQ(acknowledge(), 34u);
  EXPECT_EQ(in(c + 0x14), 0x40u);
  high.set(false);
  end(34);
  EXPECT_EQ(in(c + 0x14), 0xa0u);
  low.set(false);
  end(33);
  EXPECT_EQ(in(c + 0x14), 0xffu);
  out(c + 0x04, 0x40);  // only what is more urgent than 0x40
  high.set(true);
  EXPECT_FALSE(cpu0.level);
  out(c + 0x04, 0x48);
  EXPECT_TRUE(cpu0.level);
}

TEST_F(GicTest, TheBinaryPointKeepsEqualGroupsFromPreempting) {
  out(c + 0x08, 4);  // bits 7:5 are the group
  hv::IrqLine& low = gic.shared(1);
  hv::IrqLine& high = gic.shared(2);
  enable(33, 0x48);
  enable(34, 0x40);
  low.set(true);
  EXPECT_EQ(acknowledge(), 33u);
  high.set(true);
  EXPECT_FALSE(cpu0.level);
  low.set(false);
  end(33);
  EXPECT_TRUE(cpu0.level);
}

TEST_F(GicTest, SgisCarryTheirSender) {
  out(0xf00, 2u << 16 | 5);     // CPU 0 to CPU 1
  out(0xf00, 2u << 16 | 5, 1);  // and CPU 1 to itself
  EXPECT_TRUE(cpu1.level);
  EXPECT_FALSE(cpu0.level);
  EXPECT_EQ(acknowledge(1), 5u);
  end(5, 1);
  EXPECT_EQ(acknowledge(1), 5u | 1u << 10);
  end(5 | 1u << 10, 1);
  EXPECT_FALSE(cpu1.level);
  out(0xf00, 1u << 24 | 3);  // all but the sender
  EXPECT_TRUE(cpu1.level);
  EXPECT_FALSE(cpu0.level);
  out(0xf00, 2u << 24 | 3);  // the sender alone
  EXPECT_TRUE(cpu0.level);
  out8(0xf10 + 3, 0xff, 1);
  EXPECT_FALSE(cpu1.level);
}

TEST_F(GicTest, PrivateInterruptsBelongToTheirCpu) {
  for (u32 cpu : {0u, 1u}) out(0x100, 1u << 27, cpu);
  gic.set_private(1, 27, true);
  EXPECT_FALSE(cpu0.level);
  EXPECT_TRUE(cpu1.level);
  EXPECT_EQ(acknowledge(0), 1023u);
  EXPECT_EQ(acknowledge(1), 27u);
  gic.set_private(1, 27, false);
  end(27, 1);
  EXPECT_FALSE(cpu1.level);
  gic.set_private(9, 27, true);  // no such CPU
  gic.set_private(0, 5, true);   // an SGI has no line
  EXPECT_FALSE(cpu0.level);
}

TEST_F(GicTest, DeactivationCanBeSeparate) {
  out(c + 0x00, 1 | 1u << 9);
  hv::IrqLine& line = gic.shared(1);
  enable(33);
  line.set(true);
  EXPECT_EQ(acknowledge(), 33u);
  end(33);
  EXPECT_EQ(in(c + 0x14), 0xffu) << "the priority has dropped";
  EXPECT_FALSE(cpu0.level) << "still active";
  out(c + 0x1000, 33);
  EXPECT_TRUE(cpu0.level);
}

TEST_F(GicTest, DisabledIsSilent) {
  hv::IrqLine& line = gic.shared(1);
  enable(33, 0xa0, 2);
  line.set(true);
  EXPECT_TRUE(cpu1.level);
  out(0x184, 2);  // the interrupt
  EXPECT_FALSE(cpu1.level);
  out(0x104, 2);
  EXPECT_TRUE(cpu1.level);
  out(c, 0, 1);  // the CPU interface
  EXPECT_FALSE(cpu1.level);
  out(c, 1, 1);
  out(0x000, 0);  // the distributor
  EXPECT_FALSE(cpu1.level);
  EXPECT_EQ(acknowledge(1), 1023u);
}

TEST_F(GicTest, SoftwareCanSetAndClearPending) {
  enable(40, 0xa0, 1, true);
  out(0x204, 1u << 8);
  EXPECT_TRUE(cpu0.level);
  EXPECT_EQ(in(0x204), 1u << 8);
  out(0x284, 1u << 8);
  EXPECT_FALSE(cpu0.level);
}

TEST_F(GicTest, StateComesBack) {
  hv::IrqLine& line = gic.shared(1);
  enable(33, 0x20);
  line.set(true);
  out(0xf00, 2u << 16 | 5);
  StateWriter writer;
  gic.save(writer);
  FakeExternalInterrupt other0, other1;
  GicV2 other(96, {&other0, &other1});
  StateReader reader(writer.bytes());
  ASSERT_TRUE(other.restore(reader));
  EXPECT_TRUE(other0.level);
  EXPECT_TRUE(other1.level);
  EXPECT_EQ(other.read({c + 0x0c, Width::word, 0}), 33u);
  EXPECT_EQ(other.read({c + 0x0c, Width::word, 1}), 5u);
  GicV2 smaller(64, {&other0, &other1});
  StateReader again(writer.bytes());
  EXPECT_FALSE(smaller.restore(again));
}

TEST_F(GicTest, WhatIsNotThereReadsAsZero) {
  EXPECT_EQ(in(0x0104 + 8), 0u);  // beyond 96 interrupts
  out(0x0104 + 8, ~0u);
  EXPECT_EQ(gic.read({0x100, Width::byte, 0}), 0u);
  EXPECT_EQ(gic.read({0x100, Width::word, 7}), 0u);  // no such CPU
  gic.write({0x100, Width::word, 7}, ~0u);
  EXPECT_EQ(in(0xc00), 0xaaaa'aaaau) << "SGIs are edges";
  out(0xc00, 0);
  EXPECT_EQ(in(0xc00), 0xaaaa'aaaau);
  end(5);  // what never began
  end(1023);
  EXPECT_EQ(acknowledge(), 1023u);
}

}  // namespace
}  // namespace pv::device
