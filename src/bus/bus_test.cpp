#include "bus/bus.h"

#include <gtest/gtest.h>

namespace pv::bus {
namespace {

struct Recorder final : MmioDevice {
  u64 answer = 0x1122'3344'5566'7788;
  u64 last_offset = 0, last_value = 0;
  u64 read(Access a) override {
    last_offset = a.offset;
    return answer;
  }
  void write(Access a, u64 value) override {
    last_offset = a.offset;
    last_value = value;
  }
  void save(StateWriter&) const override {}
  Result<void> restore(StateReader&) override { return {}; }
};

TEST(Bus, DispatchesByOffsetAndCutsToWidth) {
  Bus bus;
  Recorder a, b;
  ASSERT_TRUE(bus.attach({0x2000, 0x100}, b, "b"));
  ASSERT_TRUE(bus.attach({0x1000, 0x100}, a, "a"));
  u64 v = 0;
  EXPECT_TRUE(bus.read(0x2004, Width::half, v));
  EXPECT_EQ(v, 0x7788u);
  EXPECT_EQ(b.last_offset, 4u);
  EXPECT_TRUE(bus.write(0x1008, Width::byte, 0x1ff));
  EXPECT_EQ(a.last_value, 0xffu);
}

TEST(Bus, UnclaimedReadsAllOnes) {
  Bus bus;
  Recorder a;
  ASSERT_TRUE(bus.attach({0x1000, 0x10}, a, "a"));
  u64 v = 0;
  EXPECT_FALSE(bus.read(0xfff, Width::byte, v));
  EXPECT_EQ(v, 0xffu);
  EXPECT_FALSE(bus.read(0x100e, Width::word, v));  // crosses the end
  EXPECT_EQ(v, 0xffff'ffffu);
  EXPECT_FALSE(bus.write(0x1010, Width::byte, 0));
  EXPECT_FALSE(bus.read(~u64{0}, Width::dword, v));
}

TEST(Bus, OverlapNamesBothDevices) {
  Bus bus;
  Recorder a, b;
  ASSERT_TRUE(bus.attach({0x1000, 0x100}, a, "uart"));
  EXPECT_EQ(bus.attach({0x10ff, 1}, b, "rtc").error().message,
            "rtc at 0x10ff overlaps uart at 0x1000");
  EXPECT_FALSE(bus.attach({0xf00, 0x101}, b, "rtc"));
  EXPECT_FALSE(bus.attach({~u64{0}, 2}, b, "rtc"));
  EXPECT_TRUE(bus.attach({0xf00, 0x100}, b, "rtc"));
}

TEST(Bus, TransactionMovesTogetherOrNotAtAll) {
  Bus bus;
  Recorder a;
  ASSERT_TRUE(bus.attach({0x1000, 0x100}, a, "a"));
  u64 v = 0;
  {
    Bus::Transaction move(bus);
    EXPECT_TRUE(move.detach(0x1000));
    ASSERT_TRUE(move.attach({0x3000, 0x100}, a, "a"));
  }  // not committed
  EXPECT_TRUE(bus.read(0x1000, Width::byte, v));
  {
    Bus::Transaction move(bus);
    EXPECT_TRUE(move.detach(0x1000));
    ASSERT_TRUE(move.attach({0x3000, 0x100}, a, "a"));
    move.commit();
  }
  EXPECT_FALSE(bus.read(0x1000, Width::byte, v));
  EXPECT_TRUE(bus.read(0x3000, Width::byte, v));
  bus.reclaim();
  EXPECT_TRUE(bus.read(0x3000, Width::byte, v));
}

}  // namespace
}  // namespace pv::bus
