#include "device/ns16550.h"

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
  THR = 0,
  RBR = 0,
  DLL = 0,
  IER = 1,
  IIR = 2,
  FCR = 2,
  LCR = 3,
  MCR = 4,
  LSR = 5,
  MSR = 6,
  SCR = 7
};

struct Ns16550Test : testing::Test {
  u8 in(u64 reg) { return static_cast<u8>(uart.read({reg, Width::byte})); }
  void out(u64 reg, u8 value) { uart.write({reg, Width::byte}, value); }

  hv::FakeIrqLine irq;
  RecordingSink sink;
  Ns16550 uart{irq, sink};
};

TEST_F(Ns16550Test, TransmitsWithoutWaiting) {
  for (char c : std::string("hi\n")) {
    EXPECT_EQ(in(LSR) & 0x60, 0x60);
    out(THR, static_cast<u8>(c));
  }
  EXPECT_EQ(sink.text(), "hi\n");
  EXPECT_FALSE(irq.asserted());
}

TEST_F(Ns16550Test, RegisterShiftSpacesRegisters) {
  Ns16550 wide(irq, sink, 2);
  wide.write({7 << 2, Width::word}, 0x5a);
  EXPECT_EQ(wide.read({7 << 2, Width::word}), 0x5au);
  EXPECT_EQ(wide.read({8 << 2, Width::byte}), 0xffu);
}

// autoconfig() of Linux's 8250_port.c: what it asks to tell a 16550A from everything else.
TEST_F(Ns16550Test, LinuxAutoconfigFindsA16550A) {
  out(IER, 0);
  EXPECT_EQ(in(IER) & 0x0f, 0);
  out(IER, 0x0f);
  EXPECT_EQ(in(IER) & 0x0f, 0x0f);
  out(IER, 0);
  out(MCR, 0x10 | 0x0a);  // loopback: OUT2 shows as DCD, RTS as CTS
  EXPECT_EQ(in(MSR) & 0xf0, 0x90);
  out(MCR, 0);
  out(LCR, 0xbf);
  out(FCR, 0);
  out(LCR, 0);
  out(FCR, 0x01);
  EXPECT_EQ(in(IIR) >> 6, 3);  // FIFOs that work
  out(LCR, 0x80);
  EXPECT_NE(in(IIR), 0);  // not a 16650
  out(LCR, 0xbf);
  EXPECT_NE(in(IIR), 0);  // nor a 16650V2
  out(LCR, 0xe0);
  EXPECT_EQ((in(2) ^ 0) & 0x10, 0);  // nor a National super I/O bank
  out(LCR, 0);
  out(FCR, 0x21);
  EXPECT_EQ(in(IIR) >> 5, 6);  // nor a 16750, without and with DLAB
  out(LCR, 0x80);
  out(FCR, 0x21);
  EXPECT_EQ(in(IIR) >> 5, 6);
  out(LCR, 0);
  out(IER, 0x40);
  EXPECT_EQ(in(IER) & 0x40, 0);  // nor an XScale
  EXPECT_EQ(sink.text(), "");
}

TEST_F(Ns16550Test, DivisorLatchHidesDataAndInterruptEnable) {
  out(IER, 0x05);
  out(LCR, 0x83);
  out(DLL, 0x34);
  out(IER, 0x12);
  EXPECT_EQ(in(DLL), 0x34);
  EXPECT_EQ(in(IER), 0x12);
  out(LCR, 0x03);
  EXPECT_EQ(in(IER), 0x05);
  EXPECT_EQ(sink.text(), "");
  out(SCR, 0xa5);
  EXPECT_EQ(in(SCR), 0xa5);
}

TEST_F(Ns16550Test, LoopbackReturnsWhatWasSentAndOverruns) {
  out(FCR, 0x01);
  out(MCR, 0x10);
  for (int i = 0; i < 17; ++i) out(THR, static_cast<u8>(i));
  EXPECT_EQ(sink.text(), "");
  EXPECT_EQ(in(LSR) & 0x03, 0x03);  // data, and the seventeenth was lost
  EXPECT_EQ(in(LSR) & 0x02, 0);     // which is told once
  for (int i = 0; i < 16; ++i) EXPECT_EQ(in(RBR), i);
  EXPECT_EQ(in(LSR) & 0x01, 0);
}

TEST_F(Ns16550Test, LoopbackModemLinesGiveDeltasAndInterrupt) {
  out(IER, 0x08);
  in(MSR);
  out(MCR, 0x10);  // CTS, DSR, DCD fall
  EXPECT_TRUE(irq.asserted());
  EXPECT_EQ(in(IIR), 0x00);
  EXPECT_EQ(in(MSR), 0x0b);
  EXPECT_FALSE(irq.asserted());
  out(MCR, 0x14);  // RI rises: no trailing edge yet
  EXPECT_EQ(in(MSR), 0x40);
  out(MCR, 0x10);
  EXPECT_EQ(in(MSR), 0x04);
}

TEST_F(Ns16550Test, ThreInterruptComesWithEnableAndIsTakenByIir) {
  out(IER, 0x02);
  EXPECT_TRUE(irq.asserted());
  EXPECT_EQ(in(IIR), 0x02);
  EXPECT_FALSE(irq.asserted());
  EXPECT_EQ(in(IIR), 0x01);
  out(IER, 0);
  out(IER, 0x02);  // Linux's UART_BUG_THRE test: must come again
  EXPECT_EQ(in(IIR), 0x02);
  out(IER, 0x02);  // already enabled: not
  EXPECT_EQ(in(IIR), 0x01);
  out(THR, 'x');
  EXPECT_EQ(in(IIR), 0x02);
}

TEST_F(Ns16550Test, InputWaitsForTheGuestToListen) {
  CountingSource source;
  uart.set_source(&source);
  EXPECT_EQ(uart.receive(bytes_of("ls\n")), 0u);
  EXPECT_EQ(in(LSR) & 1, 0);
  out(FCR, 0x07);  // a driver that starts empties the FIFO: nothing is lost
  in(LSR), in(RBR), in(IIR), in(MSR);
  EXPECT_EQ(source.calls, 0u);
  out(IER, 0x05);
  EXPECT_EQ(source.calls, 1u);
  EXPECT_EQ(uart.receive(bytes_of("ls\n")), 3u);
  EXPECT_TRUE(irq.asserted());
}

TEST_F(Ns16550Test, PollingGuestIsUnderstoodToListen) {
  CountingSource source;
  uart.set_source(&source);
  uart.receive(bytes_of("a"));
  in(LSR);
  out(THR, '>');
  in(LSR);
  EXPECT_EQ(source.calls, 0u) << "one look before each character sent is not listening";
  EXPECT_FALSE(uart.polled());
  in(LSR);
  EXPECT_EQ(source.calls, 1u);
  EXPECT_TRUE(uart.polled());
  EXPECT_EQ(uart.receive(bytes_of("a")), 1u);
  EXPECT_EQ(in(LSR) & 1, 1);
  EXPECT_EQ(in(RBR), 'a');
}

TEST_F(Ns16550Test, FullFifoRefusesAndAsksAgainWhenHalfEmpty) {
  CountingSource source;
  uart.set_source(&source);
  out(FCR, 0x81);  // trigger 8
  out(IER, 0x01);
  EXPECT_EQ(uart.receive(bytes_of("0123456789abcdefgh")), 16u);
  EXPECT_EQ(in(IIR), 0xc4);
  for (int i = 0; i < 7; ++i) in(RBR);
  EXPECT_EQ(source.calls, 0u);
  EXPECT_EQ(in(RBR), '7');
  EXPECT_EQ(source.calls, 1u);
  EXPECT_EQ(uart.receive(bytes_of("gh")), 2u);
  for (char c : std::string("89abcdefgh")) {
    EXPECT_TRUE(irq.asserted());
    EXPECT_EQ(in(RBR), c);
  }
  EXPECT_FALSE(irq.asserted());
  EXPECT_EQ(source.calls, 1u);
}

TEST_F(Ns16550Test, WithoutFifoOneCharacterAtATime) {
  out(IER, 0x01);
  EXPECT_EQ(uart.receive(bytes_of("ab")), 1u);
  EXPECT_EQ(in(IIR), 0x04);
  EXPECT_EQ(in(RBR), 'a');
}

TEST_F(Ns16550Test, FewCharactersRaiseTheTimeOut) {
  out(FCR, 0xc1);  // trigger 14
  out(IER, 0x01);
  uart.receive(bytes_of("x"));
  EXPECT_TRUE(irq.asserted());
  EXPECT_EQ(in(IIR), 0xcc);
}

TEST_F(Ns16550Test, BreakIsALineStatusInterruptAndANulCharacter) {
  out(FCR, 0x01);
  out(IER, 0x05);
  ASSERT_TRUE(uart.receive_break());
  EXPECT_EQ(in(IIR), 0xc6);
  EXPECT_EQ(in(LSR) & 0x91, 0x91);
  EXPECT_EQ(in(LSR) & 0x90, 0);  // told once
  EXPECT_EQ(in(RBR), 0);
  EXPECT_FALSE(irq.asserted());
}

TEST_F(Ns16550Test, WritesOfReadOnlyAndMissingRegistersDoNothing) {
  out(LSR, 0xff);
  out(MSR, 0xff);
  uart.write({8, Width::byte}, 1);
  uart.write({~u64{0}, Width::dword}, ~u64{0});
  EXPECT_EQ(in(LSR), 0x60);
  EXPECT_EQ(uart.read({8, Width::half}), 0xffffu);
}

// serial8250_start_tx(), then serial8250_interrupt() until it says there is nothing to do.
// Returns the rounds it made.
unsigned linux_interrupt(PostedAccess& port, std::string_view& text, u8& ier) {
  unsigned rounds = 0;
  for (;; ++rounds) {
    const u64 iir = port.read(IIR);
    if (iir & 1) return rounds;
    const u64 lsr = port.read(LSR);
    port.read(MSR);
    if (!(lsr & 0x20)) continue;
    for (int i = 0; i < 16 && !text.empty(); ++i) {
      port.write(THR, static_cast<u8>(text.front()));
      text.remove_prefix(1);
    }
    if (text.empty() && (ier & 0x02)) port.write(IER, ier &= 0xfd);
  }
}

TEST_F(Ns16550Test, PostedWritesOfTheInterruptDrivenDriverNeedNoTick) {
  PostedAccess port(uart, Ns16550::posted_offset, Width::byte);
  port.write(FCR, 0x01);
  u8 ier = 0x05;
  port.write(IER, ier);
  const std::string line(100, 'x');
  std::string_view rest = line;
  const unsigned before = port.exits();
  port.write(IER, ier |= 0x02);
  ASSERT_TRUE(irq.asserted());
  const unsigned rounds = linux_interrupt(port, rest, ier);
  EXPECT_EQ(rounds, 7u);
  EXPECT_EQ(port.waiting(), 0u);
  EXPECT_EQ(sink.text(), line);
  EXPECT_FALSE(irq.asserted());
  // 3 for each round, 1 for IIR at the end, 2 for IER: where 100 writes alone would have been 100.
  EXPECT_EQ(port.exits() - before, 7u * 3 + 1 + 2);
}

TEST_F(Ns16550Test, AHandlerThatGivesUpIsInterruptedAgainByTheTick) {
  PostedAccess port(uart, Ns16550::posted_offset, Width::byte);
  port.write(IER, 0x07);
  EXPECT_EQ(port.read(IIR) & 0x0f, 0x02);
  port.read(LSR);
  for (int i = 0; i < 16; ++i) port.write(THR, 'y');  // and returns with the text posted
  EXPECT_FALSE(irq.asserted());
  port.drain();
  EXPECT_TRUE(irq.asserted());
  EXPECT_EQ(sink.text().size(), 16u);
}

TEST_F(Ns16550Test, PostedPolledConsoleCostsOneExitForSixteenCharacters) {
  PostedAccess port(uart, Ns16550::posted_offset, Width::byte);
  port.write(FCR, 0x01);
  const unsigned before = port.exits();
  for (int block = 0; block < 4; ++block) {
    EXPECT_EQ(port.read(LSR) & 0x60, 0x60u);
    for (int i = 0; i < 16; ++i) port.write(THR, 'z');
  }
  port.read(LSR);
  EXPECT_EQ(port.exits() - before, 5u);
  EXPECT_EQ(sink.text().size(), 64u);
}

TEST_F(Ns16550Test, PostedWritesKeepTheirMeaningAcrossDlabAndLoopback) {
  PostedAccess port(uart, Ns16550::posted_offset, Width::byte);
  port.write(THR, 'a');
  port.write(LCR, 0x83);
  port.write(DLL, 1);
  port.write(LCR, 0x03);
  port.write(THR, 'b');
  port.write(MCR, 0x10);
  port.write(THR, 'c');
  EXPECT_EQ(port.read(LSR) & 1, 1u);
  EXPECT_EQ(port.read(RBR), 'c');
  EXPECT_EQ(sink.text(), "ab");
}

TEST_F(Ns16550Test, StateSurvivesSaveAndRestore) {
  out(FCR, 0x41);
  out(LCR, 0x83);
  out(DLL, 7);
  out(LCR, 0x03);
  out(SCR, 0x77);
  out(IER, 0x07);
  uart.receive(bytes_of("typed"));
  uart.receive_break();
  hv::FakeIrqLine other_irq;
  Ns16550 other(other_irq, sink);
  ASSERT_TRUE(round_trip(uart, other));
  EXPECT_TRUE(other_irq.asserted());
  for (char c : std::string("typed"))
    EXPECT_EQ(other.read({RBR, Width::byte}), static_cast<u64>(c));
  EXPECT_TRUE(refuses_damage(other));
}

TEST_F(Ns16550Test, StateWithMoreCharactersThanTheFifoIsRefused) {
  out(FCR, 0x01);
  out(IER, 0x01);
  uart.receive(bytes_of("ab"));
  StateWriter saved;
  uart.save(saved);
  std::vector<u8> state = saved.take();
  state[4] = 0;  // FCR: FIFO off holds one
  StateReader reader(state);
  EXPECT_FALSE(uart.restore(reader));
  EXPECT_EQ(in(RBR), 'a');
}

}  // namespace
}  // namespace pv::device
