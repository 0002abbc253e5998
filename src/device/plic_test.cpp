#include "device/plic.h"

#include <gtest/gtest.h>

#include <thread>

#include "device/fakes.h"
#include "device/posted_access.h"

namespace pv::device {
namespace {

using bus::Width;

// Two harts numbered as on QEMU's virt: supervisor contexts 1 and 3.
struct PlicTest : testing::Test {
  u32 in(u64 offset) { return static_cast<u32>(plic.read({offset, Width::word})); }
  void out(u64 offset, u32 value) { plic.write({offset, Width::word}, value); }
  void priority(u32 source, u32 value) { out(4 * source, value); }
  void enable(u32 context, u32 word, u32 bits) { out(0x2000 + 0x80 * context + 4 * word, bits); }
  void threshold(u32 context, u32 value) { out(0x200000 + 0x1000 * context, value); }
  u32 claim(u32 context) { return in(0x200004 + 0x1000 * context); }
  void complete(u32 context, u32 source) { out(0x200004 + 0x1000 * context, source); }
  u32 pending(u32 word) { return in(0x1000 + 4 * word); }

  FakeExternalInterrupt hart0, hart1;
  Plic plic{95, {nullptr, &hart0, nullptr, &hart1}};
};

TEST_F(PlicTest, LevelSourceInterruptsUntilItsCauseIsGone) {
  hv::IrqLine& uart = plic.source(10);
  priority(10, 1);
  enable(1, 0, 1u << 10);
  uart.set(true);
  EXPECT_TRUE(hart0.level);
  EXPECT_FALSE(hart1.level);
  EXPECT_EQ(pending(0), 1u << 10);
  EXPECT_EQ(claim(1), 10u);
  EXPECT_FALSE(hart0.level);
  EXPECT_EQ(pending(0), 0u);
  complete(1, 10);
  EXPECT_TRUE(hart0.level) << "still asserted: interrupts again at completion";
  EXPECT_EQ(claim(1), 10u);
  uart.set(false);
  complete(1, 10);
  EXPECT_FALSE(hart0.level);
  EXPECT_EQ(claim(1), 0u);
}

TEST_F(PlicTest, LevelThatComesAndGoesWhileServedIsForgotten) {
  hv::IrqLine& line = plic.source(3);
  priority(3, 1);
  enable(1, 0, 1u << 3);
  line.set(true);
  EXPECT_EQ(claim(1), 3u);
  line.set(false);
  line.set(true);
  line.set(false);
  complete(1, 3);
  EXPECT_FALSE(hart0.level);
}

TEST_F(PlicTest, EdgesAreLatchedAlsoWhileServed) {
  hv::IrqLine& line = plic.source(40, Plic::Trigger::edge);
  priority(40, 1);
  enable(1, 1, 1u << 8);
  line.pulse();
  EXPECT_TRUE(hart0.level);
  EXPECT_EQ(claim(1), 40u);
  line.pulse();
  line.pulse();
  EXPECT_FALSE(hart0.level);
  complete(1, 40);
  EXPECT_TRUE(hart0.level);
  EXPECT_EQ(claim(1), 40u);
  complete(1, 40);
  EXPECT_FALSE(hart0.level);
}

TEST_F(PlicTest, HighestPriorityFirstThenLowestNumber) {
  for (u32 n : {5u, 6u, 70u}) plic.source(n).set(true);
  priority(5, 1);
  priority(6, 1);
  priority(70, 7);
  enable(1, 0, ~0u);
  enable(1, 2, ~0u);
  EXPECT_EQ(claim(1), 70u);
  EXPECT_EQ(claim(1), 5u);
  EXPECT_EQ(claim(1), 6u);
  EXPECT_EQ(claim(1), 0u);
}

TEST_F(PlicTest, ThresholdMasksTheSignalButNotTheClaim) {
  plic.source(1).set(true);
  enable(1, 0, 2);
  EXPECT_FALSE(hart0.level) << "priority 0 never interrupts";
  EXPECT_EQ(claim(1), 0u);
  priority(1, 2);
  EXPECT_TRUE(hart0.level);
  threshold(1, 2);
  EXPECT_FALSE(hart0.level);
  EXPECT_EQ(claim(1), 1u);
}

TEST_F(PlicTest, OneClaimerWinsAmongContexts) {
  priority(9, 1);
  enable(1, 0, 1u << 9);
  enable(3, 0, 1u << 9);
  plic.source(9).set(true);
  EXPECT_TRUE(hart0.level && hart1.level);
  EXPECT_EQ(claim(3), 9u);
  EXPECT_FALSE(hart0.level || hart1.level);
  EXPECT_EQ(claim(1), 0u);
}

TEST_F(PlicTest, CompletionOfWhatIsNotEnabledIsIgnored) {
  priority(9, 1);
  enable(1, 0, 1u << 9);
  hv::IrqLine& line = plic.source(9);
  line.set(true);
  EXPECT_EQ(claim(1), 9u);
  complete(3, 9);
  complete(1, 8);
  complete(1, 0);
  complete(1, ~0u);
  EXPECT_FALSE(hart0.level);
  enable(1, 0, 0);
  complete(1, 9);
  enable(1, 0, 1u << 9);
  EXPECT_FALSE(hart0.level) << "still in service";
  complete(1, 9);
  EXPECT_TRUE(hart0.level);
}

TEST_F(PlicTest, OnlyExistingSourcesPrioritiesAndContextsHoldValues) {
  out(0, 7);
  EXPECT_EQ(in(0), 0u);
  priority(95, 0xff);
  EXPECT_EQ(in(4 * 95), 7u);
  priority(96, 7);
  EXPECT_EQ(in(4 * 96), 0u);
  enable(1, 0, ~0u);
  EXPECT_EQ(in(0x2080), ~1u);
  enable(1, 3, ~0u);
  EXPECT_EQ(in(0x2080 + 12), 0u);
  enable(4, 0, ~0u);
  EXPECT_EQ(in(0x2000 + 0x80 * 4), 0u);
  threshold(1, ~0u);
  EXPECT_EQ(in(0x201000), 7u);
  threshold(9, 1);
  EXPECT_EQ(in(0x209000), 0u);
  out(0x1000, ~0u);
  EXPECT_EQ(pending(0), 0u);
  EXPECT_EQ(plic.read({0x2080, Width::byte}), 0u);
}

TEST_F(PlicTest, OutputsAreToldOnlyChanges) {
  priority(2, 1);
  enable(1, 0, 4);
  plic.source(2).set(true);
  plic.source(2).set(true);
  plic.source(3).set(true);
  EXPECT_EQ(hart0.calls, 1u);
}

TEST_F(PlicTest, SourcesMayBeDrivenByOtherThreads) {
  priority(1, 1);
  priority(2, 1);
  enable(1, 0, 6);
  auto flood = [](hv::IrqLine& line) {
    for (int i = 0; i < 2000; ++i) line.pulse();
  };
  hv::IrqLine& one = plic.source(1);
  hv::IrqLine& two = plic.source(2);
  std::thread a(flood, std::ref(one)), b(flood, std::ref(two));
  unsigned served = 0;
  for (int i = 0; i < 2000; ++i)
    if (u32 n = claim(1)) {
      ++served;
      complete(1, n);
    }
  a.join();
  b.join();
  while (u32 n = claim(1)) {
    ++served;
    complete(1, n);
  }
  EXPECT_GE(served, 2u);
  EXPECT_FALSE(hart0.level);
}

TEST_F(PlicTest, StateSurvivesSaveAndRestore) {
  priority(10, 3);
  priority(11, 4);
  enable(3, 0, 3u << 10);
  plic.source(10).set(true);
  plic.source(11).set(true);
  EXPECT_EQ(claim(3), 11u);
  FakeExternalInterrupt other0, other1;
  Plic other(95, {nullptr, &other0, nullptr, &other1});
  ASSERT_TRUE(round_trip(plic, other));
  EXPECT_FALSE(other0.level);
  EXPECT_TRUE(other1.level);
  EXPECT_EQ(other.read({0x203004, Width::word}), 10u);
  other.write({0x203004, Width::word}, 11);
  EXPECT_TRUE(other1.level) << "11 was in service and is still asserted";
  EXPECT_TRUE(refuses_damage(other));
}

TEST_F(PlicTest, StateOfAnotherShapeIsRefused) {
  StateWriter saved;
  plic.save(saved);
  Plic smaller(31, {nullptr, &hart0});
  StateReader reader(saved.bytes());
  EXPECT_FALSE(smaller.restore(reader));
}

}  // namespace
}  // namespace pv::device
