#include "device/gicv2m.h"

#include <gtest/gtest.h>

namespace pv::device {
namespace {

using bus::Width;

struct GicV2mTest : testing::Test {
  hv::FakeIrqLine first, second;
  GicV2m frame{0x802'0000, 80, {&first, &second}};
};

TEST_F(GicV2mTest, SaysWhichInterruptsItHas) {
  EXPECT_EQ(frame.read({0x008, Width::word}), 80u << 16 | 2);
  EXPECT_EQ(frame.read({0xfcc, Width::word}), 0u);
  EXPECT_EQ(frame.read({0x008, Width::byte}), 0u);
}

TEST_F(GicV2mTest, MessagesAreEdges) {
  frame.signal({0x802'0040, 81, 0x18});
  EXPECT_EQ(second.rising_edges(), 1u);
  EXPECT_FALSE(second.asserted());
  frame.write({0x040, Width::word}, 80);
  EXPECT_EQ(first.rising_edges(), 1u);
}

TEST_F(GicV2mTest, OthersAreDropped) {
  for (const u32 number : {0u, 79u, 82u, ~0u}) {
    frame.signal({0x802'0040, number, 0});
    frame.write({0x040, Width::word}, number);
  }
  frame.signal({0x802'0044, 80, 0});
  frame.signal({0x1'0802'0040, 80, 0});
  frame.write({0x040, Width::half}, 80);
  EXPECT_EQ(first.rising_edges() + second.rising_edges(), 0u);
}

}  // namespace
}  // namespace pv::device
