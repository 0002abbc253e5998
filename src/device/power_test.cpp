// The devices that end, restart or report the run: SifiveTest, DebugExit, AcpiPm, I8042, Port92,
// ResetControl, GuestPanic, Mpc85xxGuts, Mpc8xxxGpio.
#include <gtest/gtest.h>

#include "device/acpi_pm.h"
#include "device/debug_exit.h"
#include "device/fakes.h"
#include "device/guest_panic.h"
#include "device/i8042.h"
#include "device/mpc85xx_guts.h"
#include "device/mpc8xxx_gpio.h"
#include "device/port92.h"
#include "device/posted_access.h"
#include "device/reset_control.h"
#include "device/sifive_test.h"

namespace pv::device {
namespace {

using bus::Width;

TEST(SifiveTest, PassResetAndExitCodes) {
  FakePower power;
  SifiveTest device(power);
  device.write({0, Width::word}, 0x5555);
  EXPECT_EQ(power.power_offs, 1u);
  device.write({0, Width::word}, 0x7777);
  EXPECT_EQ(power.resets, 1u);
  device.write({0, Width::word}, (42u << 16) | 0x3333);
  EXPECT_EQ(power.exits, 1u);
  EXPECT_EQ(power.last_code, 42);
  device.write({0, Width::half}, 0x3333);
  EXPECT_EQ(power.last_code, 0);
  device.write({0, Width::word}, (100u << 16) | 0x3333);
  EXPECT_EQ(power.crashes, 1u);
  EXPECT_EQ(power.exits, 2u);
}

TEST(SifiveTest, OtherValuesAndOffsetsDoNothing) {
  FakePower power;
  SifiveTest device(power);
  device.write({4, Width::word}, 0x5555);
  device.write({0, Width::word}, 0);
  device.write({0, Width::byte}, 0x55);
  EXPECT_EQ(device.read({0, Width::word}), 0u);
  EXPECT_EQ(power.power_offs + power.resets + power.exits + power.crashes, 0u);
}

TEST(DebugExit, ValueIsTheExitStatus) {
  FakePower power;
  DebugExit device(power);
  device.write({0, Width::byte}, 7);
  EXPECT_EQ(power.last_code, 7);
  device.write({0, Width::word}, 99);
  EXPECT_EQ(power.last_code, 99);
  device.write({1, Width::byte}, 3);
  EXPECT_EQ(power.exits, 2u);
  device.write({0, Width::byte}, 100);
  device.write({0, Width::word}, 0x1'0000);
  EXPECT_EQ(power.crashes, 2u);
  EXPECT_EQ(power.exits, 2u);
}

TEST(GuestPanic, OnlyBitZeroEndsTheRun) {
  FakePower power;
  GuestPanic device(power);
  EXPECT_EQ(device.read({0, Width::byte}), 3u);
  device.write({0, Width::byte}, 2);
  EXPECT_EQ(power.crashes, 0u);
  device.write({0, Width::byte}, 1);
  EXPECT_EQ(power.crashes, 1u);
}

TEST(Port92, FastReset) {
  FakePower power;
  Port92 device(power);
  EXPECT_EQ(device.read({0, Width::byte}), 2u);
  device.write({0, Width::byte}, 2);
  EXPECT_EQ(power.resets, 0u);
  device.write({0, Width::byte}, 3);
  EXPECT_EQ(power.resets, 1u);
}

TEST(ResetControl, LinuxWritesTypeThenReset) {
  FakePower power;
  ResetControl device(power);
  device.write({0, Width::byte}, 2);
  EXPECT_EQ(device.read({0, Width::byte}), 2u);
  EXPECT_EQ(power.resets, 0u);
  device.write({0, Width::byte}, 6);
  EXPECT_EQ(power.resets, 1u);
  ResetControl other(power);
  EXPECT_TRUE(round_trip(device, other));
  EXPECT_EQ(other.read({0, Width::byte}), 2u);
  EXPECT_TRUE(refuses_damage(other));
}

TEST(I8042, ResetByPulseAndByOutputPort) {
  FakePower power;
  I8042 device(power);
  device.write({4, Width::byte}, 0xfe);
  EXPECT_EQ(power.resets, 1u);
  device.write({0, Width::byte}, 0x02);
  device.write({4, Width::byte}, 0xd1);
  device.write({0, Width::byte}, 0xdf);  // A20 on: no reset
  device.write({0, Width::byte}, 0x00);
  EXPECT_EQ(power.resets, 1u);
  device.write({4, Width::byte}, 0xd1);
  I8042 other(power);
  ASSERT_TRUE(round_trip(device, other));
  other.write({0, Width::byte}, 0xde);
  EXPECT_EQ(power.resets, 2u);
  EXPECT_TRUE(refuses_damage(other));
}

// i8042_flush(): it gives up when 16 characters did not empty the buffer.
TEST(I8042, LinuxProbeGivesUpAtOnceAndRebootDoesNotWait) {
  FakePower power;
  I8042 device(power);
  int exits = 0, characters = 0;
  while (++exits, device.read({4, Width::byte}) & 1) {
    if (characters++ == 16) break;
    ++exits;
    EXPECT_EQ(device.read({0, Width::byte}), 0xffu);
  }
  EXPECT_EQ(characters, 17) << "no controller found";
  EXPECT_EQ(exits, 33);
  EXPECT_EQ(device.read({4, Width::byte}) & 2, 0u) << "kb_wait() is over at once";
  EXPECT_TRUE(device.read({1, Width::byte}) & 0x20);
}

struct AcpiPmTest : testing::Test {
  u64 in(u64 offset, Width width = Width::half) {
    return pm.read({offset, width}) & all_ones(width);
  }
  void out(u64 offset, u64 value, Width width = Width::half) { pm.write({offset, width}, value); }

  hv::FakeIrqLine sci;
  FakeClock clock;
  FakePower power;
  AcpiPm pm{sci, clock, power};
};

TEST_F(AcpiPmTest, SleepTypesZeroAndFivePowerOff) {
  EXPECT_EQ(in(4), 1u);
  out(4, 0x2000);
  EXPECT_EQ(power.power_offs, 1u);
  out(4, 0x3400);
  EXPECT_EQ(power.power_offs, 2u);
  out(4, 0x2400);  // S1: not offered
  EXPECT_EQ(power.power_offs, 2u);
  out(4, 0x1400);
  EXPECT_EQ(power.power_offs, 2u) << "SLP_EN is missing";
  EXPECT_EQ(in(4), 0x1401u);
  out(5, 0x34, Width::byte);
  EXPECT_EQ(power.power_offs, 3u) << "the register may be written in bytes";
  EXPECT_FALSE(in(4) & 0x2000) << "SLP_EN is write-only";
}

TEST_F(AcpiPmTest, PowerButtonRaisesSciUntilItsStatusIsCleared) {
  EXPECT_FALSE(pm.press_power_button()) << "nobody listens yet";
  EXPECT_FALSE(sci.asserted());
  out(0, 0x100);
  EXPECT_EQ(in(0), 0u);
  out(2, 0x100);
  EXPECT_TRUE(pm.press_power_button());
  EXPECT_TRUE(sci.asserted());
  EXPECT_EQ(in(0), 0x100u);
  EXPECT_EQ(in(0, Width::word), 0x0100'0100u);
  out(0, 0x0001);
  EXPECT_TRUE(sci.asserted());
  out(0, 0x0100);
  EXPECT_FALSE(sci.asserted());
}

TEST_F(AcpiPmTest, WritingStatusLeavesEnableAlone) {
  out(2, 0x0120);
  out(0, 0xffff);
  EXPECT_EQ(in(2), 0x0120u);
  out(3, 0x05, Width::byte);
  EXPECT_EQ(in(2), 0x0520u);
  out(0, 0x0100'ffff, Width::word);
  EXPECT_EQ(in(2), 0x0100u);
  out(2, 0xffff);
  EXPECT_EQ(in(2), 0x0721u);
}

TEST_F(AcpiPmTest, TimerRunsAt3579545Hz) {
  EXPECT_EQ(in(8, Width::word), 0u);
  clock.advance_ns(1'000'000'000);
  EXPECT_EQ(in(8, Width::word), 3'579'545u);
  clock.advance_ns(1'000'000);
  EXPECT_EQ(in(8, Width::word), 3'583'124u);
  clock.advance_ns(u64{3'600'000'000'000} * 24 * 365);
  in(8, Width::word);
  EXPECT_EQ(in(9, Width::byte), in(8, Width::word) >> 8 & 0xff);
}

TEST_F(AcpiPmTest, StateSurvivesSaveAndRestoreAndTheTimerGoesOn) {
  out(2, 0x100);
  pm.press_power_button();
  clock.advance_ns(2'000'000'000);
  const u64 before = in(8, Width::word);
  FakeClock elsewhere;
  elsewhere.monotonic = 987'654'321'000;
  hv::FakeIrqLine other_sci;
  AcpiPm other(other_sci, elsewhere, power);
  ASSERT_TRUE(round_trip(pm, other));
  EXPECT_TRUE(other_sci.asserted());
  EXPECT_EQ(other.read({8, Width::word}), before);
  EXPECT_TRUE(refuses_damage(other));
}

TEST(StatelessDevices, StillCarryAVersion) {
  FakePower power;
  SifiveTest finisher(power), finisher2(power);
  DebugExit exit(power), exit2(power);
  GuestPanic panic(power), panic2(power);
  Port92 port(power), port2(power);
  EXPECT_TRUE(round_trip(finisher, finisher2) && refuses_damage(finisher2));
  EXPECT_TRUE(round_trip(exit, exit2) && refuses_damage(exit2));
  EXPECT_TRUE(round_trip(panic, panic2) && refuses_damage(panic2));
  EXPECT_TRUE(round_trip(port, port2) && refuses_damage(port2));
}

TEST(Mpc85xxGuts, ResetsAndKnowsItsVersions) {
  FakePower power;
  Mpc85xxGuts device(power, 0x8021'0030, 0x8032'0010);
  EXPECT_EQ(device.read({0xa0, Width::word}), 0x8021'0030u);
  EXPECT_EQ(device.read({0xa4, Width::word}), 0x8032'0010u);
  EXPECT_EQ(device.read({0, Width::word}), 0u);
  EXPECT_EQ(device.read({0xa0, Width::half}), 0u);
  device.write({0xb0, Width::word}, 1);
  device.write({0xb0, Width::byte}, 2);
  device.write({0xb4, Width::word}, 2);
  EXPECT_EQ(power.resets, 0u);
  device.write({0xb0, Width::word}, 2);
  EXPECT_EQ(power.resets, 1u);
  Mpc85xxGuts other(power, 0, 0);
  EXPECT_TRUE(round_trip(device, other));
  EXPECT_TRUE(refuses_damage(other));
}

// As Linux does it: drive pin 0 low, later high.
TEST(Mpc8xxxGpio, DrivingPin0HighPowersOff) {
  FakePower power;
  Mpc8xxxGpio device(power);
  device.write({0x08, Width::word}, 0x8000'0000);  // an input: its latch alone does nothing
  EXPECT_EQ(device.read({0x08, Width::word}), 0u);
  device.write({0x08, Width::word}, 0);
  device.write({0x00, Width::word}, 0xc000'0000);
  device.write({0x08, Width::word}, 0x4000'0000);  // pin 1 is none of ours
  EXPECT_EQ(power.power_offs, 0u);
  EXPECT_EQ(device.read({0x08, Width::word}), 0x4000'0000u);
  device.write({0x08, Width::word}, 0xc000'0000);
  EXPECT_EQ(power.power_offs, 1u);
  device.write({0x08, Width::word}, 0xc000'0000);  // an edge, not a level
  EXPECT_EQ(power.power_offs, 1u);
}

TEST(Mpc8xxxGpio, KeepsItsRegisters) {
  FakePower power;
  Mpc8xxxGpio device(power), other(power);
  device.write({0x04, Width::word}, 1);
  device.write({0x10, Width::word}, 2);
  device.write({0x14, Width::word}, 3);
  device.write({0x0c, Width::word}, 0xffff'ffff);
  device.write({0x00, Width::half}, 7);
  EXPECT_EQ(device.read({0x00, Width::word}), 0u);
  EXPECT_EQ(device.read({0x04, Width::word}), 1u);
  EXPECT_EQ(device.read({0x0c, Width::word}), 0u);
  EXPECT_EQ(device.read({0x10, Width::word}), 2u);
  EXPECT_EQ(device.read({0x14, Width::word}), 3u);
  EXPECT_EQ(device.read({0x14, Width::byte}), 0u);
  EXPECT_TRUE(round_trip(device, other));
  EXPECT_TRUE(refuses_damage(other));
}

}  // namespace
}  // namespace pv::device
