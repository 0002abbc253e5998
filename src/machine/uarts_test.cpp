// More than one UART: windows, lines (also shared ones), input, and what Linux is told.
#include "machine/uarts.h"

#include <gtest/gtest.h>

#include "machine/test_machine.h"

namespace pv::machine {
namespace {

TEST(Uarts, EachPortHasItsOwnOutputAndInput) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64, Arch::powerpc, Arch::x86_64}) {
    SCOPED_TRACE(name(arch));
    TestMachine t(arch, {.ram = 64_MiB});
    device::RecordingSink outs[3];
    device::CountingSource in;
    for (usize port = 1; port < max_uarts; ++port) t.add_serial(port, outs[port - 1], &in);
    ASSERT_TRUE(t.build()) << t.error;
    const auto windows = t.machine->posted_windows();
    ASSERT_EQ(windows.size(), max_uarts);
    for (usize port = 0; port < max_uarts; ++port) {
      bus::Bus& bus = windows[port].space == hv::Space::pio ? t.pio : t.mmio;
      EXPECT_TRUE(bus.write(windows[port].range.base, bus::Width::byte, 'a' + port));
    }
    EXPECT_EQ(t.serial_out.text(), "a");
    EXPECT_EQ(outs[0].text() + outs[1].text() + outs[2].text(), "bcd");
    const u8 input[] = {'x'};
    EXPECT_EQ(t.machine->receive(2, input), 0u);  // nobody listens yet
    EXPECT_EQ(t.machine->receive(7, input), 0u);
    if (arch == Arch::aarch64) continue;
    bus::Bus& bus = windows[2].space == hv::Space::pio ? t.pio : t.mmio;
    bus.write(windows[2].range.base + 1, bus::Width::byte, 1);  // IER: received data
    EXPECT_EQ(in.calls, 1u);
    EXPECT_EQ(t.machine->receive(2, input), 1u);
  }
}

// COM1 and COM3 share a line: it falls when both are quiet.
TEST(Uarts, ASharedLineIsHighWhileAnyPortIs) {
  TestMachine t(Arch::x86_64, {.ram = 64_MiB});
  device::RecordingSink third;
  t.add_serial(2, third);
  ASSERT_TRUE(t.build()) << t.error;
  const auto& line = t.vm.lines.at(4);
  t.pio.write(0x3f8 + 1, bus::Width::byte, 2);  // IER: the transmitter is empty, always
  EXPECT_TRUE(line.asserted());
  t.pio.write(0x3e8 + 1, bus::Width::byte, 2);
  t.pio.write(0x3f8 + 1, bus::Width::byte, 0);
  EXPECT_TRUE(line.asserted());
  t.pio.write(0x3e8 + 1, bus::Width::byte, 0);
  EXPECT_FALSE(line.asserted());
  EXPECT_EQ(line.rising_edges(), 1u);
}

TEST(Uarts, TheDebugPortIsForX86Only) {
  device::RecordingSink out;
  TestMachine t(Arch::x86_64, {.ram = 64_MiB});
  t.debugcon = {&out, 0x402};
  ASSERT_TRUE(t.build()) << t.error;
  u64 value = 0;
  EXPECT_TRUE(t.pio.read(0x402, bus::Width::byte, value));
  EXPECT_EQ(value, 0xe9u);
  EXPECT_TRUE(t.pio.write(0x402, bus::Width::byte, 'd'));
  EXPECT_EQ(out.text(), "d");
  TestMachine other(Arch::riscv64, {.ram = 64_MiB});
  other.debugcon = {&out, 0x402};
  EXPECT_FALSE(other.build());
  EXPECT_EQ(other.error, "riscv64 has no debug port");
}

TEST(Uarts, LinuxIsToldOfAnEarlyConsole) {
  Uarts pl011({.kind = UartKind::pl011, .windows = {{{0x0900'0000, 0x1000, 1}}}});
  EXPECT_EQ(pl011.earlycon(0), "pl011,0x9000000");
  Uarts ports(
      {.kind = UartKind::ns16550, .windows = {{{}, {0x2f8, 8, 3}}}, .space = hv::Space::pio});
  EXPECT_EQ(ports.earlycon(1), "uart8250,io,0x2f8");
  EXPECT_EQ(with_earlycon("quiet", "x"), "quiet earlycon=x");
  EXPECT_EQ(with_earlycon("", "x"), "earlycon=x");
  EXPECT_EQ(with_earlycon("earlycon", "x"), "earlycon");
}

}  // namespace
}  // namespace pv::machine
