// Console: output, input with and without room, size, early output, and hostile chains.
#include "virtio/console.h"

#include <gtest/gtest.h>

#include "device/fakes.h"
#include "virtio/fake_driver.h"

namespace pv::virtio {
namespace {

using spec::console::receiveq;
using spec::console::transmitq;

class ConsoleTest : public ::testing::Test {
 protected:
  device::RecordingSink sink;
  device::CountingSource source;
  Console console{sink, source};
  FakeMachine machine{console};
  FakeDriver& driver = machine.driver;

  usize type(std::string_view text) {
    std::lock_guard lock(machine.transport.mutex());
    return console.receive(Bytes(reinterpret_cast<const u8*>(text.data()), text.size()));
  }
};

TEST_F(ConsoleTest, OutputOfAChainIsOneWrite) {
  ASSERT_TRUE(driver.start());
  driver.add(transmitq, {driver.out("Hello, "), driver.out("world\n")});
  driver.kick(transmitq);
  EXPECT_EQ(sink.text(), "Hello, world\n");
  EXPECT_EQ(sink.writes(), 1);
  EXPECT_EQ(driver.used(transmitq)->length, 0);
  EXPECT_EQ(driver.acknowledge(), spec::mmio::interrupt_used);
}

TEST_F(ConsoleTest, ManyChainsInOneNotification) {
  ASSERT_TRUE(driver.start());
  for (int i = 0; i < 20; ++i) driver.add(transmitq, {driver.out("x")});
  driver.kick(transmitq);
  EXPECT_EQ(sink.text(), std::string(20, 'x'));
  EXPECT_EQ(driver.used_count(transmitq), 20);
  EXPECT_EQ(machine.irq.rising_edges(), 1);
}

TEST_F(ConsoleTest, InputGoesWhereTheDriverWantsIt) {
  ASSERT_TRUE(driver.start());
  const auto small = driver.in(4);
  const auto large = driver.in(100);
  driver.add(receiveq, {small});
  driver.add(receiveq, {large});
  driver.kick(receiveq);
  EXPECT_EQ(type("123456"), 6);
  EXPECT_EQ(driver.used(receiveq)->length, 4);
  EXPECT_EQ(driver.used(receiveq)->length, 2);
  EXPECT_EQ(driver.text(small), "1234");
  EXPECT_EQ(driver.text(large).substr(0, 2), "56");
  EXPECT_TRUE(machine.irq.asserted());
}

TEST_F(ConsoleTest, RefusedInputIsAskedForAgain) {
  EXPECT_EQ(type("early"), 0);  // no driver yet
  ASSERT_TRUE(driver.start());
  // No buffers on start: nothing to ask for... until the first one comes.
  source.calls = 0;
  EXPECT_EQ(type("abc"), 0);
  driver.add(receiveq, {driver.in(2)});
  driver.kick(receiveq);
  EXPECT_EQ(source.calls, 1);
  EXPECT_EQ(type("abc"), 2);
  driver.add(receiveq, {driver.in(2)});
  driver.kick(receiveq);
  EXPECT_EQ(source.calls, 2);
  EXPECT_EQ(type("c"), 1);
  driver.add(receiveq, {driver.in(2)});
  driver.kick(receiveq);
  EXPECT_EQ(source.calls, 2);  // nothing was refused
}

TEST_F(ConsoleTest, InputWaitsWhilePaused) {
  ASSERT_TRUE(driver.start());
  driver.add(receiveq, {driver.in(10)});
  machine.transport.pause();
  EXPECT_EQ(type("abc"), 0);
  machine.transport.resume();
  EXPECT_EQ(source.calls, 1);
  EXPECT_EQ(type("abc"), 3);
}

TEST_F(ConsoleTest, SizeChangesInterrupt) {
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(driver.config<u16>(0), 0);
  {
    std::lock_guard lock(machine.transport.mutex());
    console.resize(132, 50);
    console.resize(132, 50);
  }
  EXPECT_EQ(driver.config<u16>(0), 132);
  EXPECT_EQ(driver.config<u16>(2), 50);
  EXPECT_EQ(driver.config<u32>(4), 1);
  EXPECT_EQ(driver.acknowledge(), spec::mmio::interrupt_config);
  EXPECT_EQ(machine.irq.rising_edges(), 1);
}

TEST_F(ConsoleTest, EmergencyWriteNeedsNoDriver) {
  for (const char c : std::string_view("oops")) driver.set(spec::mmio::Config + 8, u32(c));
  EXPECT_EQ(sink.text(), "oops");
  driver.set(spec::mmio::Config + 4, 'x');
  driver.set(spec::mmio::Config + 12, 'x');
  EXPECT_EQ(sink.text(), "oops");
}

TEST_F(ConsoleTest, ChainsTheWrongWayRoundDoNoHarm) {
  ASSERT_TRUE(driver.start());
  driver.add(transmitq, {driver.in(8)});     // nothing to write out
  driver.add(receiveq, {driver.out("xx")});  // no room in it
  const auto good = driver.in(8);
  driver.add(receiveq, {good});
  driver.kick(transmitq);
  EXPECT_EQ(sink.text(), "");
  EXPECT_EQ(type("ok"), 2);
  EXPECT_EQ(driver.used(receiveq)->length, 0);
  EXPECT_EQ(driver.used(receiveq)->length, 2);
  EXPECT_EQ(driver.text(good).substr(0, 2), "ok");
  EXPECT_FALSE(driver.needs_reset());
}

TEST_F(ConsoleTest, HugeChainIsCutAndLeavesTheRestToTheExecutor) {
  ASSERT_TRUE(driver.start());
  const FakeDriver::Piece all{FakeMachine::ram_base, FakeMachine::ram_size, false};
  driver.add(transmitq, {all, all, all});
  driver.add(transmitq, {driver.out("after")});
  driver.kick(transmitq);
  EXPECT_EQ(sink.text().size(), 1_MiB);
  EXPECT_EQ(machine.executor.pending(), 1);
  machine.executor.run();
  EXPECT_EQ(sink.text().size(), 1_MiB + 5);
}

TEST_F(ConsoleTest, ResetForgetsBuffers) {
  ASSERT_TRUE(driver.start());
  driver.add(receiveq, {driver.in(8)});
  driver.kick(receiveq);
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(type("abc"), 0);
}

TEST_F(ConsoleTest, StateRoundTrip) {
  ASSERT_TRUE(driver.start());
  console.resize(80, 25);
  EXPECT_EQ(type("refused"), 0);
  StateWriter out;
  machine.transport.save(out);
  Console other_console(sink, source);
  ManualExecutor executor;
  hv::FakeIrqLine irq;
  VirtioMmio other(other_console, machine.ram, irq, executor, machine.log);
  StateReader in(out.bytes());
  ASSERT_TRUE(other.restore(in));
  StateWriter again;
  other.save(again);
  EXPECT_EQ(out.take(), again.take());
  StateReader empty({});
  EXPECT_FALSE(other_console.restore(empty));
}

}  // namespace
}  // namespace pv::virtio
