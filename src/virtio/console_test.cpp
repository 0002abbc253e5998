// Console: output, input with and without room, size, early output, and hostile chains.
#include "virtio/console.h"

#include <gtest/gtest.h>

#include "base/text.h"
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
    return console.receive(bytes_of(text));
  }
  // A driver that has its terminal and has written to it.
  bool start_terminal() {
    if (!driver.start()) return false;
    driver.add(transmitq, {driver.out(">")});
    driver.kick(transmitq);
    return driver.used(transmitq).has_value();
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
  ASSERT_TRUE(start_terminal());
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
  ASSERT_TRUE(start_terminal());
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

// Linux throws away what comes before it has made the terminal.
TEST_F(ConsoleTest, InputWaitsForTheFirstOutput) {
  ASSERT_TRUE(driver.start());
  driver.add(receiveq, {driver.in(10)});
  driver.kick(receiveq);
  EXPECT_EQ(type("early"), 0);
  const int before = source.calls;
  driver.add(transmitq, {driver.out("login: ")});
  driver.kick(transmitq);
  EXPECT_EQ(source.calls, before + 1);
  EXPECT_EQ(type("early"), 5);
  machine.driver.set(spec::mmio::Status, 0);
  ASSERT_TRUE(driver.start());
  driver.add(receiveq, {driver.in(10)});
  EXPECT_EQ(type("again"), 0);
}

TEST(ConsolePorts, OnePortThatIsReadFirstNeedsMultiport) {
  device::RecordingSink sink;
  device::CountingSource source;
  const auto features = [](Console::Port port) { return Console({std::move(port)}).features(); };
  constexpr u64 multiport = spec::console::feature_multiport;
  EXPECT_EQ(features({&sink, &source}) & multiport, 0u);
  EXPECT_NE(features({.sink = &sink, .source = &source, .speaks_first = false}) & multiport, 0u);
  Console console({{.sink = &sink, .source = &source, .speaks_first = false}});
  FakeMachine machine{console};
  ASSERT_TRUE(machine.driver.start(machine.driver.offered() & ~multiport));
  machine.driver.add(receiveq, {machine.driver.in(8)});
  EXPECT_EQ(console.feed(0, bytes_of("ab")), 2u);  // it may never write
  EXPECT_EQ(features({.sink = &sink, .source = nullptr, .speaks_first = false}) & multiport, 0u);
}

TEST_F(ConsoleTest, InputWaitsWhilePaused) {
  ASSERT_TRUE(start_terminal());
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
  ASSERT_TRUE(start_terminal());
  driver.add(receiveq, {driver.in(8)});
  driver.kick(receiveq);
  ASSERT_TRUE(start_terminal());
  EXPECT_EQ(type("abc"), 0);
}

// ---- MULTIPORT ----------------------------------------------------------------------------------

using spec::console::control_receiveq;
using spec::console::control_transmitq;

class MultiportTest : public ::testing::Test {
 protected:
  device::RecordingSink sinks[3];
  device::CountingSource source;
  Console console{std::vector<Console::Port>{
      {&sinks[0], &source}, {&sinks[1], nullptr}, {&sinks[2], &source, "log", false}}};
  FakeMachine machine{console};
  FakeDriver& driver = machine.driver;
  std::vector<FakeDriver::Piece> heard;

  // What Linux does: buffers for control messages, DEVICE_READY, PORT_READY for each port.
  void say(u32 id, u16 event, u16 value) {
    driver.add(control_transmitq, {driver.out_as(spec::console::Control{id, event, value})});
    driver.kick(control_transmitq);
  }
  void listen(int messages) {
    for (int i = 0; i < messages; ++i) {
      heard.push_back(driver.in(32));
      driver.add(control_receiveq, {heard.back()});
    }
    driver.kick(control_receiveq);
  }
  // "id event value [name]" of the message `number`.
  std::string message(usize number, u32 length) {
    const std::string all = driver.text(heard[number]);
    const auto control =
        load_as<spec::console::Control>({reinterpret_cast<const u8*>(all.data()), 8}, 0);
    return std::to_string(u32{control.id}) + ' ' + std::to_string(u16{control.event}) + ' ' +
           std::to_string(u16{control.value}) + all.substr(8, length - 8);
  }
  usize type(usize port, std::string_view text) { return console.feed(port, bytes_of(text)); }
};

TEST_F(MultiportTest, PortsAreAnnouncedNamedAndOpened) {
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(driver.config<u32>(4), 3u);
  listen(2);  // too few for all: the rest waits
  say(0, spec::console::device_ready, 1);
  EXPECT_EQ(driver.used_count(control_receiveq), 2);
  listen(10);
  EXPECT_EQ(driver.used_count(control_receiveq), 3);
  for (u32 port = 0; port < 3; ++port) {
    EXPECT_EQ(driver.used(control_receiveq)->length, 8u);
    EXPECT_EQ(message(port, 8), std::to_string(port) + " 1 1");
    say(port, spec::console::port_ready, 1);
  }
  std::vector<std::string> told;
  for (usize number = 3; const auto used = driver.used(control_receiveq); ++number)
    told.push_back(message(number, used->length));
  EXPECT_EQ(told,
            (std::vector<std::string>{"0 4 1", "0 6 1", "1 4 1", "1 6 1", "2 7 1log", "2 6 1"}));
}

TEST_F(MultiportTest, EachPortHasItsQueues) {
  ASSERT_TRUE(driver.start());
  driver.add(transmitq, {driver.out("zero")});
  driver.add(5, {driver.out("one")});
  driver.add(7, {driver.out("two")});
  for (u16 queue : {transmitq, u16{5}, u16{7}}) driver.kick(queue);
  EXPECT_EQ(sinks[0].text() + sinks[1].text() + sinks[2].text(), "zeroonetwo");
}

TEST_F(MultiportTest, InputWaitsUntilThePortIsOpen) {
  ASSERT_TRUE(driver.start());
  const auto buffer = driver.in(8);
  driver.add(6, {buffer});
  driver.kick(6);
  EXPECT_EQ(type(2, "ab"), 0u);
  say(2, spec::console::port_open, 1);
  EXPECT_EQ(source.calls, 1u);
  EXPECT_EQ(type(2, "ab"), 2u);
  EXPECT_EQ(driver.text(buffer).substr(0, 2), "ab");
  say(2, spec::console::port_open, 0);
  EXPECT_EQ(type(2, "cd"), 0u);
}

TEST_F(MultiportTest, ADriverWithoutItSeesTheFirstPort) {
  ASSERT_TRUE(driver.start(driver.offered() & ~spec::console::feature_multiport));
  driver.add(receiveq, {driver.in(8)});
  driver.kick(receiveq);
  EXPECT_EQ(type(0, "ab"), 0u);
  for (u16 queue : {transmitq, u16{5}}) {
    driver.add(queue, {driver.out(">")});
    driver.kick(queue);
  }
  EXPECT_EQ(type(0, "ab"), 2u);
  EXPECT_EQ(type(1, "ab"), 0u);
}

TEST_F(MultiportTest, NonsenseOnTheControlQueueDoesNoHarm) {
  ASSERT_TRUE(driver.start());
  say(3, spec::console::port_ready, 1);
  say(~u32{0}, spec::console::port_open, 1);
  say(0, 99, 1);
  driver.add(control_transmitq, {driver.out("short")});
  driver.add(control_transmitq, {driver.in(8)});
  driver.add(control_receiveq, {driver.in(3)});     // no room for a message
  driver.add(control_receiveq, {driver.out("x")});  // none at all
  say(0, spec::console::device_ready, 1);
  for (int i = 0; i < 100; ++i) say(0, spec::console::device_ready, 1);
  EXPECT_EQ(driver.used(control_receiveq)->length, 0u);
  EXPECT_FALSE(driver.needs_reset());
}

TEST_F(MultiportTest, StateRoundTrip) {
  ASSERT_TRUE(driver.start());
  say(1, spec::console::port_open, 1);
  say(0, spec::console::device_ready, 1);  // untold: there are no buffers
  StateWriter out;
  console.save(out);
  Console other(std::vector<Console::Port>{
      {&sinks[0], &source}, {&sinks[1], nullptr}, {&sinks[2], &source, "log", false}});
  StateReader in(out.bytes());
  ASSERT_TRUE(other.restore(in));
  StateWriter again;
  other.save(again);
  EXPECT_EQ(out.take(), again.take());
  Console single(sinks[0], source);
  StateReader fewer(again.bytes());
  EXPECT_FALSE(single.restore(fewer));
  StateWriter old;  // what version 1 wrote
  old.put8(1);
  old.put16(80);
  old.put16(25);
  old.put_bool(true);
  StateReader first(old.bytes());
  EXPECT_TRUE(single.restore(first));
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
