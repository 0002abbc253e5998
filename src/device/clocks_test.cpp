// Pl031, GoldfishRtc and Cmos: the three clocks a guest may find.
#include <gtest/gtest.h>

#include "device/cmos.h"
#include "device/fakes.h"
#include "device/goldfish_rtc.h"
#include "device/pl031.h"
#include "device/posted_access.h"

namespace pv::device {
namespace {

using bus::Width;

constexpr u64 second = 1'000'000'000;
// 2024-02-29 23:59:58 UTC, a Thursday.
constexpr u64 leap_evening = 1'709'251'198;

class FakeAlarm final : public AlarmTimer {
 public:
  void arm(u64 after_ns) override { armed_for = after_ns; }
  void cancel() override { armed_for = 0; }
  u64 armed_for = 0;
};

struct Pl031Test : testing::Test {
  Pl031Test() { clock.wall = leap_evening * second + 250'000'000; }
  u32 in(u64 offset) { return static_cast<u32>(rtc.read({offset, Width::word})); }
  void out(u64 offset, u32 value) { rtc.write({offset, Width::word}, value); }

  hv::FakeIrqLine irq;
  FakeClock clock;
  FakeAlarm alarm;
  Pl031 rtc{irq, clock, &alarm};
};

TEST_F(Pl031Test, CountsTheHostsSeconds) {
  EXPECT_EQ(in(0), leap_evening);
  clock.advance_ns(3 * second);
  EXPECT_EQ(in(0), leap_evening + 3);
  EXPECT_EQ(in(0x0c), 1u);
}

TEST_F(Pl031Test, IdentifiesAsPl031) {
  u64 id = 0;
  for (u64 i = 0; i < 8; ++i) id |= u64{in(0xfe0 + 4 * i) & 0xff} << (8 * i);
  EXPECT_EQ(id, 0xb105f00d'00041031u);
}

TEST_F(Pl031Test, SettingMovesOnlyTheGuestsClock) {
  out(8, 1000);
  EXPECT_EQ(in(0), 1000u);
  EXPECT_EQ(in(8), 1000u);
  clock.advance_ns(second);
  EXPECT_EQ(in(0), 1001u);
}

TEST_F(Pl031Test, AlarmInterruptsOnceWhenItsSecondComes) {
  out(0x10, 1);
  out(4, leap_evening + 2);
  EXPECT_EQ(alarm.armed_for, 2 * second - 250'000'000);
  clock.advance_ns(second);
  rtc.expired();  // too early
  EXPECT_FALSE(irq.asserted());
  clock.advance_ns(second);
  rtc.expired();
  EXPECT_TRUE(irq.asserted());
  EXPECT_EQ(in(0x18), 1u);
  out(0x1c, 1);
  EXPECT_FALSE(irq.asserted());
  clock.advance_ns(second);
  rtc.expired();
  EXPECT_FALSE(irq.asserted());
}

TEST_F(Pl031Test, AlarmWithoutTimerShowsWhenTheGuestLooks) {
  rtc.set_timer(nullptr);
  out(4, leap_evening + 1);
  EXPECT_EQ(in(0x14), 0u);
  clock.advance_ns(5 * second);
  EXPECT_EQ(in(0x14), 1u);
  EXPECT_FALSE(irq.asserted()) << "masked";
}

TEST_F(Pl031Test, StateSurvivesSaveAndRestore) {
  out(8, 77);
  out(4, 80);
  out(0x10, 1);
  hv::FakeIrqLine other_irq;
  FakeAlarm other_alarm;
  Pl031 other(other_irq, clock, &other_alarm);
  ASSERT_TRUE(round_trip(rtc, other));
  EXPECT_EQ(other.read({0, Width::word}), 77u);
  EXPECT_EQ(other_alarm.armed_for, 3 * second - 250'000'000);
  EXPECT_TRUE(refuses_damage(other));
}

struct GoldfishRtcTest : testing::Test {
  u32 in(u64 offset) { return static_cast<u32>(rtc.read({offset, Width::word})); }
  void out(u64 offset, u32 value) { rtc.write({offset, Width::word}, value); }
  void set(u64 offset_low, u64 value) {
    out(offset_low + 4, static_cast<u32>(value >> 32));
    out(offset_low, static_cast<u32>(value));
  }

  hv::FakeIrqLine irq;
  FakeClock clock;
  FakeAlarm alarm;
  GoldfishRtc rtc{irq, clock, &alarm};
};

TEST_F(GoldfishRtcTest, LowHalfFreezesTheHighHalf) {
  clock.wall = 0x1234'ffff'fff0;
  EXPECT_EQ(in(0), 0xffff'fff0u);
  clock.wall = 0x1235'0000'0010;
  EXPECT_EQ(in(4), 0x1234u);
  EXPECT_EQ(in(0), 0x10u);
  EXPECT_EQ(in(4), 0x1235u);
}

TEST_F(GoldfishRtcTest, SettingMovesOnlyTheGuestsClock) {
  clock.wall = leap_evening * second;
  set(0, 5 * second);
  clock.advance_ns(second);
  const u64 low = in(0);
  EXPECT_EQ((u64{in(4)} << 32) | low, 6 * second);
}

TEST_F(GoldfishRtcTest, AlarmInterruptsWhenItsTimeComes) {
  clock.wall = 100 * second;
  out(0x10, 1);
  set(8, 103 * second);
  EXPECT_EQ(alarm.armed_for, 3 * second);
  EXPECT_EQ(in(0x18), 1u);
  clock.advance_ns(3 * second);
  rtc.expired();
  EXPECT_TRUE(irq.asserted());
  EXPECT_EQ(in(0x18), 0u);
  out(0x1c, 1);
  EXPECT_FALSE(irq.asserted());
}

TEST_F(GoldfishRtcTest, AlarmInThePastInterruptsAtOnceAndCanBeCleared) {
  clock.wall = 100 * second;
  set(8, second);
  EXPECT_FALSE(irq.asserted());
  out(0x10, 1);
  EXPECT_TRUE(irq.asserted());
  out(0x1c, 1);
  set(8, 200 * second);
  out(0x14, 1);
  EXPECT_EQ(alarm.armed_for, 0u);
  clock.advance_ns(500 * second);
  rtc.expired();
  EXPECT_FALSE(irq.asserted());
}

TEST_F(GoldfishRtcTest, FarAlarmIsWithinTheTimersRange) {
  set(8, ~u64{0});
  EXPECT_EQ(alarm.armed_for, AlarmTimer::max_ns);
}

TEST_F(GoldfishRtcTest, StateSurvivesSaveAndRestore) {
  clock.wall = 50 * second;
  set(0, 10 * second);
  set(8, 12 * second);
  out(0x10, 1);
  in(0);
  hv::FakeIrqLine other_irq;
  FakeAlarm other_alarm;
  GoldfishRtc other(other_irq, clock, &other_alarm);
  ASSERT_TRUE(round_trip(rtc, other));
  EXPECT_EQ(other_alarm.armed_for, 2 * second);
  EXPECT_EQ(other.read({0, Width::word}), 10 * second & 0xffff'ffff);
  EXPECT_TRUE(refuses_damage(other));
}

struct CmosTest : testing::Test {
  CmosTest() { clock.wall = leap_evening * second; }
  u8 in(u8 index) {
    cmos.write({0, Width::byte}, index);
    return static_cast<u8>(cmos.read({1, Width::byte}));
  }
  void out(u8 index, u8 value) {
    cmos.write({0, Width::byte}, index);
    cmos.write({1, Width::byte}, value);
  }
  // hour, minute, second, day, month, year, century, weekday as the registers show them
  void expect(u8 hour, u8 minute, u8 sec, u8 day, u8 month, u8 year, u8 century, u8 weekday) {
    EXPECT_EQ(in(4), hour);
    EXPECT_EQ(in(2), minute);
    EXPECT_EQ(in(0), sec);
    EXPECT_EQ(in(7), day);
    EXPECT_EQ(in(8), month);
    EXPECT_EQ(in(9), year);
    EXPECT_EQ(in(0x32), century);
    EXPECT_EQ(in(6), weekday);
  }

  FakeClock clock;
  Cmos cmos{clock, 2048_MiB, 1024_MiB};
};

TEST_F(CmosTest, TellsTheTimeInBcdAcrossALeapDay) {
  EXPECT_EQ(in(0x0b), 0x02);
  EXPECT_EQ(in(0x0d), 0x80);
  EXPECT_EQ(in(0x0c), 0);
  expect(0x23, 0x59, 0x58, 0x29, 0x02, 0x24, 0x20, 5);
  clock.advance_ns(2 * second);
  expect(0x00, 0x00, 0x00, 0x01, 0x03, 0x24, 0x20, 6);
}

TEST_F(CmosTest, KnowsOtherDates) {
  clock.wall = 0;
  expect(0, 0, 0, 1, 1, 0x70, 0x19, 5);
  clock.wall = 946'684'799 * second;  // 1999-12-31 23:59:59, Friday
  expect(0x23, 0x59, 0x59, 0x31, 0x12, 0x99, 0x19, 6);
  clock.wall = 4'107'542'400 * second;  // 2100-03-01, Monday: no leap year
  expect(0, 0, 0, 1, 3, 0, 0x21, 2);
  clock.advance_ns(u64{0} - second);
  expect(0x23, 0x59, 0x59, 0x28, 0x02, 0, 0x21, 1);
}

TEST_F(CmosTest, BinaryAndTwelveHours) {
  out(0x0b, 0x06);
  expect(23, 59, 58, 29, 2, 24, 20, 5);
  out(0x0b, 0x00);
  EXPECT_EQ(in(4), 0x91);  // 11 pm
  clock.advance_ns(2 * second);
  EXPECT_EQ(in(4), 0x12);  // midnight
}

TEST_F(CmosTest, UpdateInProgressCoversTheEndOfASecond) {
  EXPECT_EQ(in(0x0a), 0x26);
  clock.advance_ns(second - 244'001);
  EXPECT_EQ(in(0x0a), 0x26);
  clock.advance_ns(1);
  EXPECT_EQ(in(0x0a), 0xa6);
}

// mc146818_set_time() of Linux: stop, write, go.
TEST_F(CmosTest, SettingTheClockMovesItAgainstTheHost) {
  out(0x0b, 0x82);
  out(0, 0x05), out(2, 0x04), out(4, 0x03), out(7, 0x02), out(8, 0x01), out(9, 0x30),
      out(0x32, 0x20);
  clock.advance_ns(100 * second);
  EXPECT_EQ(in(0), 0x05) << "stopped";
  out(0x0b, 0x02);
  expect(0x03, 0x04, 0x05, 0x02, 0x01, 0x30, 0x20, 4);
  clock.advance_ns(second);
  EXPECT_EQ(in(0), 0x06);
  out(2, 0x30);  // without stopping
  EXPECT_EQ(in(2), 0x30);
  EXPECT_EQ(in(0), 0x06);
}

TEST_F(CmosTest, TellsMemorySizes) {
  EXPECT_EQ(in(0x15) | in(0x16) << 8, 640);
  EXPECT_EQ(in(0x17) | in(0x18) << 8, 0xffff);
  EXPECT_EQ(in(0x34) | in(0x35) << 8, (2048 - 16) * 16);
  EXPECT_EQ(in(0x5b) | in(0x5c) << 8 | in(0x5d) << 16, 1024 * 16);
  Cmos small(clock, 4_MiB, 0);
  small.write({0, Width::byte}, 0x31);
  EXPECT_EQ(small.read({1, Width::byte}), (3 * 1024) >> 8);
}

TEST_F(CmosTest, MemoryHoldsWhatIsWrittenAndStatusDoesNot) {
  out(0x8f, 0x5a);  // bit 7 of the index is the NMI mask
  EXPECT_EQ(in(0x0f), 0x5a);
  out(0x0d, 0);
  EXPECT_EQ(in(0x0d), 0x80);
  EXPECT_EQ(cmos.read({0, Width::byte}), 0xffu);
}

TEST_F(CmosTest, NonsenseDatesDoNoHarm) {
  out(0x0b, 0x82);
  for (u8 index = 0; index < 10; ++index) out(index, 0xff);
  out(0x32, 0xff);
  out(0x0b, 0x02);
  clock.advance_ns(second);
  EXPECT_LE(in(8), 0x12);
}

TEST_F(CmosTest, StateSurvivesSaveAndRestore) {
  out(8, 0x07);
  out(0x40, 0x99);
  Cmos other(clock, 1_MiB, 0);
  ASSERT_TRUE(round_trip(cmos, other));
  other.write({0, Width::byte}, 8);
  EXPECT_EQ(other.read({1, Width::byte}), 0x07u);
  EXPECT_TRUE(refuses_damage(other));
}

}  // namespace
}  // namespace pv::device
