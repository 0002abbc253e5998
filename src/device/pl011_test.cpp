#include "device/pl011.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/text.h"
#include "device/fakes.h"
#include "device/posted_access.h"

namespace pv::device {
namespace {

using bus::Width;

enum Register : u64 {
  DR = 0,
  RSR = 4,
  FR = 0x18,
  LCR_H = 0x2c,
  CR = 0x30,
  IFLS = 0x34,
  IMSC = 0x38,
  RIS = 0x3c,
  MIS = 0x40,
  ICR = 0x44
};
constexpr u32 rxfe = 0x10, txff = 0x20, rxff = 0x40, txfe = 0x80, busy = 0x08;
constexpr u32 int_rx = 0x10, int_tx = 0x20, int_rt = 0x40, int_be = 0x200, int_oe = 0x400;

struct Pl011Test : testing::Test {
  u32 in(u64 reg) { return static_cast<u32>(uart.read({reg, Width::word})); }
  void out(u64 reg, u32 value) { uart.write({reg, Width::word}, value); }

  hv::FakeIrqLine irq;
  RecordingSink sink;
  Pl011 uart{irq, sink};
};

TEST_F(Pl011Test, IdentifiesAsR1p5) {
  u64 id = 0;
  for (u64 i = 0; i < 8; ++i) id |= u64{in(0xfe0 + 4 * i) & 0xff} << (8 * i);
  EXPECT_EQ(id, 0xb105f00d'00341011u);
  EXPECT_EQ(uart.read({0xfe4, Width::byte}), 0x10u);
}

TEST_F(Pl011Test, ResetValues) {
  EXPECT_EQ(in(CR), 0x300u);
  EXPECT_EQ(in(IFLS), 0x12u);
  EXPECT_EQ(in(FR) & (txfe | rxfe | txff | rxff | busy), txfe | rxfe);
  EXPECT_EQ(in(RIS), 0u);
}

TEST_F(Pl011Test, TransmitsAndFlagsTheTransmitInterrupt) {
  out(DR, 'o');
  out(DR, 'k');
  EXPECT_EQ(sink.text(), "ok");
  EXPECT_EQ(in(RIS), int_tx);
  EXPECT_FALSE(irq.asserted());
  out(IMSC, int_tx);
  EXPECT_TRUE(irq.asserted());
  out(ICR, int_tx);
  EXPECT_FALSE(irq.asserted());
  out(DR, '!');
  EXPECT_TRUE(irq.asserted());
}

TEST_F(Pl011Test, MaskedReceiveDoesNotRaiseIrq) {
  in(FR), in(FR);
  EXPECT_EQ(uart.receive(bytes_of("x")), 1u);
  EXPECT_FALSE(irq.asserted());
  EXPECT_EQ(in(DR), static_cast<u32>('x'));
}

TEST_F(Pl011Test, InputWaitsForTheGuestToListen) {
  CountingSource source;
  uart.set_source(&source);
  EXPECT_EQ(uart.receive(bytes_of("ls\n")), 0u);
  // pl011_startup() and pl011_enable_interrupts() of Linux: clear, drain, then unmask.
  out(CR, 0x301);
  out(ICR, 0x7ff);
  EXPECT_TRUE(in(FR)&rxfe);
  EXPECT_EQ(source.calls, 0u);
  out(IMSC, int_rx | int_rt);
  EXPECT_EQ(source.calls, 1u);
  EXPECT_EQ(uart.receive(bytes_of("ls\n")), 1u);  // FIFOs are off
  out(LCR_H, 0x70);
  EXPECT_EQ(uart.receive(bytes_of("ls\n")), 3u);
  EXPECT_TRUE(irq.asserted());
}

TEST_F(Pl011Test, PollingGuestIsUnderstoodToListen) {
  CountingSource source;
  uart.set_source(&source);
  uart.receive(bytes_of("a"));
  in(FR);
  out(DR, '>');
  in(FR);
  EXPECT_EQ(source.calls, 0u);
  EXPECT_FALSE(uart.polled());
  in(FR);
  EXPECT_EQ(source.calls, 1u);
  EXPECT_TRUE(uart.polled());
  EXPECT_EQ(uart.receive(bytes_of("a")), 1u);
  EXPECT_FALSE(in(FR)&rxfe);
}

TEST_F(Pl011Test, ReceiveLevelsAndTimeOut) {
  out(LCR_H, 0x70);
  out(IMSC, int_rx | int_rt);
  const std::string text(15, 'a');
  uart.receive(bytes_of(text));
  EXPECT_EQ(in(MIS), int_rt);  // half of 32 not reached
  uart.receive(bytes_of("b"));
  EXPECT_EQ(in(MIS), int_rx | int_rt);
  in(DR);
  EXPECT_EQ(in(MIS), int_rt);
  for (int i = 0; i < 15; ++i) in(DR);
  EXPECT_EQ(in(MIS), 0u);
  EXPECT_FALSE(irq.asserted());
}

TEST_F(Pl011Test, WhatIsLeftBelowTheLevelStaysAnnounced) {
  out(LCR_H, 0x70);
  out(IMSC, int_rx | int_rt);
  const std::string text(16, 'a');
  uart.receive(bytes_of(text));
  out(ICR, int_rt);  // the time-out of the first 15 is acknowledged
  EXPECT_EQ(in(MIS), int_rx);
  in(DR);
  EXPECT_EQ(in(MIS), int_rt);
}

TEST_F(Pl011Test, FullFifoRefusesAndAsksAgain) {
  CountingSource source;
  uart.set_source(&source);
  out(LCR_H, 0x10);
  out(IMSC, int_rt);
  const std::string text(40, 'q');
  EXPECT_EQ(uart.receive(bytes_of(text)), 32u);
  EXPECT_TRUE(in(FR)&rxff);
  for (int i = 0; i < 15; ++i) in(DR);
  EXPECT_EQ(source.calls, 0u);
  in(DR);
  EXPECT_EQ(source.calls, 1u);
  EXPECT_EQ(uart.receive(bytes_of("tail")), 4u);
}

TEST_F(Pl011Test, BreakIsMarkedInDataAndStatus) {
  out(LCR_H, 0x10);
  out(IMSC, int_rt);
  ASSERT_TRUE(uart.receive_break());
  EXPECT_TRUE(in(RIS)&int_be);
  EXPECT_EQ(in(DR), 0x400u);
  EXPECT_EQ(in(RSR), 4u);
  out(RSR, 0);
  EXPECT_EQ(in(RSR), 0u);
}

TEST_F(Pl011Test, LoopbackReturnsWhatWasSentAndOverruns) {
  out(LCR_H, 0x10);
  out(CR, 0x381);
  for (int i = 0; i < 33; ++i) out(DR, static_cast<u32>(i));
  EXPECT_EQ(sink.text(), "");
  EXPECT_TRUE(in(RIS)&int_oe);
  for (u32 i = 0; i < 32; ++i) EXPECT_EQ(in(DR), i);
  EXPECT_TRUE(in(FR)&rxfe);
}

TEST_F(Pl011Test, SwitchingFifosEmptiesThem) {
  out(LCR_H, 0x10);
  out(IMSC, int_rt);
  uart.receive(bytes_of("abc"));
  EXPECT_TRUE(irq.asserted());
  out(LCR_H, 0);
  EXPECT_FALSE(irq.asserted());
  EXPECT_TRUE(in(FR)&rxfe);
}

// pl011_int() of Linux with the transmit interrupt enabled: half a FIFO without asking, then RIS.
TEST_F(Pl011Test, PostedWritesOfTheInterruptHandlerNeedNoTick) {
  PostedAccess port(uart, Pl011::posted_offset, Width::word);
  port.write(LCR_H, 0x70);
  std::string_view rest = "0123456789abcdef0123456789abcdef0123456789";
  const std::string all(rest);
  port.write(DR, static_cast<u8>(rest.front()));
  rest.remove_prefix(1);
  port.write(IMSC, int_tx);
  ASSERT_TRUE(irq.asserted());
  const unsigned before = port.exits();
  unsigned rounds = 0;
  u32 mask = int_tx;
  while (port.read(RIS) & mask) {
    ++rounds;
    port.write(ICR, 0x7ff & ~(int_tx | int_rt | int_rx));
    for (int i = 0; i < 16 && !rest.empty(); ++i) {
      port.write(DR, static_cast<u8>(rest.front()));
      rest.remove_prefix(1);
    }
    if (rest.empty()) port.write(IMSC, mask = 0);
  }
  EXPECT_EQ(sink.text(), all);
  EXPECT_EQ(rounds, 3u);
  EXPECT_EQ(port.exits() - before, 8u);
  EXPECT_FALSE(irq.asserted());
}

TEST_F(Pl011Test, PostedPolledOutputCostsOneExitACharacter) {
  PostedAccess port(uart, Pl011::posted_offset, Width::word);
  for (char c : std::string("printk")) {
    EXPECT_FALSE(port.read(FR) & txff);
    port.write(DR, static_cast<u8>(c));
  }
  EXPECT_FALSE(port.read(FR) & busy);
  EXPECT_EQ(sink.text(), "printk");
  EXPECT_EQ(port.exits(), 7u);
}

TEST_F(Pl011Test, StateSurvivesSaveAndRestore) {
  out(LCR_H, 0x70);
  out(CR, 0x301);
  out(0x24, 39);
  out(0x28, 5);
  out(IMSC, int_rx | int_rt);
  uart.receive(bytes_of("typed"));
  uart.receive_break();
  hv::FakeIrqLine other_irq;
  Pl011 other(other_irq, sink);
  ASSERT_TRUE(round_trip(uart, other));
  EXPECT_TRUE(other_irq.asserted());
  EXPECT_EQ(other.read({0x24, Width::word}), 39u);
  EXPECT_EQ(other.read({DR, Width::word}), static_cast<u64>('t'));
  EXPECT_TRUE(refuses_damage(other));
}

}  // namespace
}  // namespace pv::device
