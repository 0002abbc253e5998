#include "pci/root_bus.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/text.h"
#include "pci/fakes.h"

namespace pv::pci {
namespace {

using bus::Width;

constexpr u16 io = spec::command_io, memory = spec::command_memory;
constexpr u64 here = FakeHost::memory_base + 0x10'0000, there = FakeHost::memory_base + 0x20'0000;

struct RootBusTest : testing::Test {
  FakeHost host;
  hv::FakeMsiTarget target;
  FakeFunction function{&target};
  RootBusTest() { CHECK(host.root.add(3, function)); }

  void put(unsigned device, u64 base, u16 command = memory) {
    host.set(device, 0x18, static_cast<u32>(base));
    host.set(device, 0x1c, static_cast<u32>(base >> 32));
    host.command(device, command);
  }
};

TEST_F(RootBusTest, ConfigWindowFindsTheFunctionAndNothingElse) {
  EXPECT_EQ(host.get(3, 0), 0x5678'1234u);
  EXPECT_EQ(host.get(3, 2, Width::half), 0x5678u);
  EXPECT_EQ(host.get(2, 0), ~0u);
  EXPECT_EQ(host.get(31, 0), ~0u);
  EXPECT_EQ(host.read(host.address(3, 0) + 0x1000), 0xffff'ffffu);  // function 1
  EXPECT_EQ(host.get(3, 0x100), ~0u);
  EXPECT_EQ(host.read(host.address(3, 0), Width::dword), 0xffff'ffffu);
  host.set(2, 0x04, ~0u);  // into nothing
}

TEST_F(RootBusTest, ConventionalLayoutHas256BytesForEachFunction) {
  ConfigWindow cam(host.root, spec::ConfigLayout::cam);
  constexpr u64 device = 3 << 11;
  EXPECT_EQ(cam.read({device, Width::word}), 0x5678'1234u);
  EXPECT_EQ(cam.read({device + 0x100, Width::word}), 0xffff'ffffu);  // function 1
  EXPECT_EQ(cam.read({device - 0x800, Width::word}), 0xffff'ffffu);  // device 2
  cam.write({device + 0x04, Width::half}, memory);
  EXPECT_EQ(cam.read({device + 0x04, Width::half}) & memory, memory);
  EXPECT_EQ(spec::window_size(spec::ConfigLayout::cam), 0x1'0000u);
}

TEST_F(RootBusTest, BarsAnswerWhereTheyDecode) {
  EXPECT_FALSE(host.answers(here));
  put(3, here);
  EXPECT_EQ(host.read(here + 0x123, Width::byte), 0x5au);
  EXPECT_EQ(function.last_bar, 2u);
  EXPECT_EQ(function.last_offset, 0x123u);
  EXPECT_TRUE(host.answers(here + FakeFunction::memory_size - 4));
  EXPECT_FALSE(host.answers(here + FakeFunction::memory_size));
  host.command(3, 0);
  EXPECT_FALSE(host.answers(here));

  host.set(3, 0x10, 0x1000);
  host.command(3, io);
  EXPECT_EQ(host.read(FakeHost::io_base + 0x1004), 0x5a5a'5a5au);
  EXPECT_EQ(function.last_bar, 0u);
  EXPECT_EQ(function.last_offset, 4u);
}

TEST_F(RootBusTest, BarsMoveWhileTheyDecode) {
  put(3, here);
  host.set(3, 0x18, static_cast<u32>(there));
  EXPECT_FALSE(host.answers(here));
  EXPECT_TRUE(host.answers(there));
  // Sizing without switching the decoder off: for a moment the BAR lies outside the window.
  host.set(3, 0x18, ~0u);
  EXPECT_EQ(host.get(3, 0x18), 0xffff'c004u);
  EXPECT_FALSE(host.answers(there));
  host.set(3, 0x18, static_cast<u32>(there));
  EXPECT_TRUE(host.answers(there));
}

TEST_F(RootBusTest, BarsOutsideTheWindowAnswerNowhere) {
  for (const u64 base : {FakeHost::memory_base - 0x4000, FakeHost::ecam_base,
                         FakeHost::memory_base + FakeHost::memory_size, u64{0},
                         ~u64{0} - FakeFunction::memory_size + 1, u64{1} << 32}) {
    put(3, base);
    EXPECT_EQ(host.get(3, 0), 0x5678'1234u);  // ECAM is still there
    if (base != FakeHost::ecam_base) {
      EXPECT_FALSE(host.answers(base));
    }
  }
  put(3, FakeHost::memory_base + FakeHost::memory_size - FakeFunction::memory_size);
  EXPECT_TRUE(host.answers(FakeHost::memory_base + FakeHost::memory_size - 4));
}

TEST_F(RootBusTest, OfTwoInOnePlaceTheFirstAnswersUntilItGoes) {
  FakeFunction other;
  other.answer = 0x1111'1111;
  ASSERT_TRUE(host.root.add(5, other));
  put(3, here);
  put(5, here);
  EXPECT_EQ(host.read(here), 0x5a5a'5a5au);
  put(3, there);
  EXPECT_EQ(host.read(there), 0x5a5a'5a5au);
  EXPECT_EQ(host.read(here), 0x1111'1111u);
  // They change places, each by one write; between the two writes both want the same.
  put(3, here);
  EXPECT_EQ(host.read(here), 0x1111'1111u);
  put(5, there);
  EXPECT_EQ(host.read(here), 0x5a5a'5a5au);
  EXPECT_EQ(host.read(there), 0x1111'1111u);
}

class RecordingPort final : public bus::DoorbellPort {
 public:
  void attach(const bus::Doorbell& d) override { log += text("+{:#x} ", d.address); }
  void detach(const bus::Doorbell& d) override { log += text("-{:#x} ", d.address); }
  std::string log;
};

TEST_F(RootBusTest, DoorbellsFollowTheirBar) {
  RecordingPort port;
  host.bus.set_doorbell_port(port);
  put(3, here);
  host.set(3, 0x18, static_cast<u32>(there));
  host.command(3, 0);
  EXPECT_EQ(port.log, "+0x40100010 -0x40100010 +0x40200010 -0x40200010 ");
}

TEST_F(RootBusTest, FunctionsComeAndGo) {
  FakeFunction late;
  EXPECT_FALSE(host.root.add(3, late));
  EXPECT_FALSE(host.root.add(32, late));
  put(3, here);
  function.intx(true);
  EXPECT_TRUE(host.lines[3].asserted());
  host.root.remove(3);
  EXPECT_EQ(host.get(3, 0), ~0u);
  EXPECT_FALSE(host.answers(here));
  EXPECT_FALSE(host.lines[3].asserted());
  ASSERT_TRUE(host.root.add(3, late));
  EXPECT_EQ(host.get(3, 0), 0x5678'1234u);
}

TEST_F(RootBusTest, LinesAreSharedAndSwizzled) {
  FakeFunction seven, four;
  ASSERT_TRUE(host.root.add(7, seven));
  ASSERT_TRUE(host.root.add(4, four));
  function.intx(true);
  seven.intx(true);
  EXPECT_TRUE(host.lines[3].asserted());
  function.intx(false);
  EXPECT_TRUE(host.lines[3].asserted());
  EXPECT_EQ(host.lines[3].rising_edges(), 1u);
  seven.intx(false);
  EXPECT_FALSE(host.lines[3].asserted());
  four.intx(true);
  EXPECT_TRUE(host.lines[0].asserted());
}

TEST_F(RootBusTest, IntxIsTheDriversChoice) {
  function.intx(true);
  EXPECT_EQ(host.get(3, 0x06, Width::half) & spec::status_interrupt, spec::status_interrupt);
  host.command(3, spec::command_no_intx);
  EXPECT_FALSE(host.lines[3].asserted());
  EXPECT_NE(host.get(3, 0x06, Width::half) & spec::status_interrupt, 0u);  // it is still pending
  host.command(3, 0);
  EXPECT_TRUE(host.lines[3].asserted());
  host.set(3, 0x42, spec::msix_enable, Width::half);
  EXPECT_FALSE(host.lines[3].asserted());
  host.set(3, 0x42, 0, Width::half);
  EXPECT_TRUE(host.lines[3].asserted());
  function.intx(false);
  EXPECT_EQ(host.get(3, 0x06, Width::half) & spec::status_interrupt, 0u);
}

TEST_F(RootBusTest, MsixTableLiesInTheBar) {
  put(3, here);
  host.bus.write(here + FakeFunction::table + 16, Width::word, 0xfee0'0000);
  host.bus.write(here + FakeFunction::table + 24, Width::word, 33);
  host.bus.write(here + FakeFunction::table + 28, Width::word, 0);
  host.set(3, 0x42, spec::msix_enable, Width::half);
  function.interrupt(1);
  ASSERT_EQ(target.signals.size(), 1u);
  EXPECT_EQ(target.signals[0], (hv::Msi{0xfee0'0000, 33, 3 << 3}));
  EXPECT_EQ(function.last_bar, ~0u);  // the device has seen none of it
}

TEST_F(RootBusTest, StateGoesRoundWithItsMapping) {
  put(3, here, memory | io);
  host.set(3, 0x10, 0x100);
  function.intx(true);
  StateWriter out;
  function.save(out);

  FakeHost other_host;
  hv::FakeMsiTarget other_target;
  FakeFunction other(&other_target);
  ASSERT_TRUE(other_host.root.add(3, other));
  StateReader in(out.bytes());
  ASSERT_TRUE(other.restore(in));
  other_host.root.update();
  EXPECT_TRUE(other_host.answers(here));
  EXPECT_TRUE(other_host.answers(FakeHost::io_base + 0x100));
  StateReader cut(out.bytes().first(out.bytes().size() - 1));
  put(3, there);
  EXPECT_FALSE(function.restore(cut));
  EXPECT_TRUE(host.answers(there));
}

TEST(ConfigPorts, MechanismOne) {
  FakeHost host;
  FakeFunction function, reset;  // any device will do for the byte at 0xcf9
  ASSERT_TRUE(host.root.add(3, function));
  class Byte final : public bus::MmioDevice {
   public:
    u64 read(bus::Access) override { return 0x42; }
    void write(bus::Access, u64 v) override { value = v; }
    void save(StateWriter&) const override {}
    Result<void> restore(StateReader&) override { return {}; }
    u64 value = 0;
  } cf9;
  bus::Bus pio;
  ConfigPorts ports(host.root, cf9);
  ASSERT_TRUE(pio.attach({ConfigPorts::first, ConfigPorts::size}, ports, "ports"));
  const auto in = [&](u64 port, Width width) {
    u64 value = 0;
    pio.read(port, width, value);
    return value;
  };
  EXPECT_EQ(in(0xcfc, Width::word), 0xffff'ffffu);  // nothing selected
  pio.write(0xcfb, Width::byte, 1);                 // as Linux probes
  pio.write(0xcf8, Width::word, 0x8000'1802);
  EXPECT_EQ(in(0xcf8, Width::word), 0x8000'1800u);
  EXPECT_EQ(in(0xcfc, Width::word), 0x5678'1234u);
  EXPECT_EQ(in(0xcfe, Width::half), 0x5678u);
  EXPECT_EQ(in(0xcfd, Width::byte), 0x12u);
  pio.write(0xcf8, Width::word, 0x8000'1804);
  pio.write(0xcfc, Width::half, spec::command_memory);
  EXPECT_EQ(function.config().command(), spec::command_memory);
  pio.write(0xcf8, Width::word, 0x8001'1804);  // another bus
  EXPECT_EQ(in(0xcfc, Width::word), 0xffff'ffffu);
  pio.write(0xcfc, Width::half, 0);
  EXPECT_EQ(function.config().command(), spec::command_memory);
  pio.write(0xcf9, Width::byte, 6);
  EXPECT_EQ(cf9.value, 6u);
  EXPECT_EQ(in(0xcf9, Width::byte), 0x42u);
  EXPECT_EQ(in(0xcf8, Width::word), 0x8001'1804u);

  StateWriter out;
  ports.save(out);
  pio.write(0xcf8, Width::word, 0);
  StateReader reader(out.bytes());
  ASSERT_TRUE(ports.restore(reader));
  EXPECT_EQ(in(0xcf8, Width::word), 0x8001'1804u);
}

// The lines may be gone by the time that the bus goes, whatever is asserted.
TEST(RootBusEnd, LeavesAnAssertedLineAlone) {
  bus::Bus bus;
  FakeFunction function;
  auto line = std::make_unique<hv::FakeIrqLine>();
  {
    RootBus root({&bus, 0, 0, 0x1000}, {}, {line.get(), line.get(), line.get(), line.get()});
    ASSERT_TRUE(root.add(3, function));
    function.intx(true);
    EXPECT_TRUE(line->asserted());
    line.reset();
  }
}

// One CPU moves a BAR to and fro while another reads it where it was and will be.
TEST_F(RootBusTest, OthersReadWhileABarMoves) {
  put(3, here);
  std::atomic<bool> stop{false};
  std::atomic<u64> wrong{0}, seen{0};
  std::thread reader([&] {
    while (!stop) {
      for (const u64 at : {here, there}) {
        const u64 value = host.read(at);
        if (value == 0x5a5a'5a5a)
          ++seen;
        else if (value != 0xffff'ffff)
          ++wrong;
      }
    }
  });
  u64 moves = 0;
  for (; moves < 2000 || (seen < 100 && moves < 10'000'000); ++moves)
    host.set(3, 0x18, static_cast<u32>(moves % 2 == 0 ? there : here));
  stop = true;
  reader.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_GE(seen, 1u);
  // However long the reader was kept from running meanwhile: nothing stays for ever.
  for (u64 i = 0; i < 3; ++i) host.set(3, 0x18, static_cast<u32>(i % 2 == 0 ? there : here));
  EXPECT_LE(host.bus.kept(), 3u);
}

}  // namespace
}  // namespace pv::pci
