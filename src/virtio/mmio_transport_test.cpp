// VirtioMmio: registers, the status machine, interrupts, hostile accesses, and the saved state.
#include "virtio/mmio_transport.h"

#include <gtest/gtest.h>

#include "virtio/fake_driver.h"

namespace pv::virtio {
namespace {

using namespace spec::mmio;

// Gives every chain back at once and counts what it is told.
class EchoDevice final : public VirtioDevice {
 public:
  std::string_view name() const override { return "echo"; }
  u32 device_id() const override { return 42; }
  u64 features() const override { return own_features; }
  std::span<const u16> queue_sizes() const override { return sizes; }
  void read_config(u64 offset, MutableBytes into) const override {
    copy_config(config, offset, into);
  }
  void write_config(u64 offset, Bytes from) override {
    for (usize i = 0; i < from.size() && offset + i < config.size(); ++i)
      config[static_cast<usize>(offset) + i] = from[i];
  }
  void notify(u16 index) override {
    ++notified;
    Chain chain;
    while (host().queue(index).pop(chain)) host().queue(index).push(chain.head(), 0);
    host().finish(index);
  }
  void reset() override { ++resets; }
  void reset_queue(u16) override { ++queue_resets; }
  void quiesce() override { ++quiesced; }
  void save(StateWriter& out) const override { out.put32(77); }
  Result<void> restore(StateReader& in) override {
    if (in.get32() != 77 || in.bad()) return fail(Error::Kind::image, "not 77");
    return {};
  }
  void change() { host().config_changed(); }
  bool running() const { return host().running(); }
  u64 agreed() const { return host().driver_features(); }

  u64 own_features = spec::bit(0) | spec::bit(5);
  std::array<u8, 6> config = {1, 2, 3, 4, 5, 6};
  unsigned notified = 0;
  unsigned resets = 0;
  unsigned queue_resets = 0;
  unsigned quiesced = 0;

 private:
  static constexpr std::array<u16, 2> sizes = {16, 64};
};

class MmioTest : public ::testing::Test {
 protected:
  EchoDevice device;
  FakeMachine machine{device};
  FakeDriver& driver = machine.driver;
  hv::FakeIrqLine& irq = machine.irq;

  u64 raw_read(u64 offset, bus::Width width) {
    u64 value = 0;
    machine.bus.read(FakeMachine::device_base + offset, width, value);
    return value;
  }
  void raw_write(u64 offset, bus::Width width, u64 value) {
    machine.bus.write(FakeMachine::device_base + offset, width, value);
  }
  // A chain goes through queue 0.
  void round_trip() {
    driver.add(0, {driver.in(1)});
    driver.kick(0);
    ASSERT_TRUE(driver.used(0));
  }
};

TEST_F(MmioTest, Identity) {
  EXPECT_EQ(driver.get(MagicValue), 0x74726976);
  EXPECT_EQ(driver.get(Version), 2);
  EXPECT_EQ(driver.get(DeviceID), 42);
  EXPECT_EQ(driver.offered(),
            spec::bit(0) | spec::bit(5) | spec::bit(28) | spec::bit(29) | spec::bit(32));
  driver.set(DeviceFeaturesSel, 2);
  EXPECT_EQ(driver.get(DeviceFeatures), 0);
  driver.set(DeviceFeaturesSel, 0xffff'ffff);
  EXPECT_EQ(driver.get(DeviceFeatures), 0);
}

// powerpc: a plain load on its bus is big-endian, the registers are not.
TEST_F(MmioTest, IsSwappedOnABigEndianBus) {
  EchoDevice other_device;
  hv::FakeIrqLine other_irq;
  VirtioMmio other(other_device, machine.ram, other_irq, machine.executor, machine.log,
                   std::endian::big);
  using bus::Width;
  EXPECT_EQ(other.read({MagicValue, Width::word}), 0x7669'7274u);
  EXPECT_EQ(other.read({Version, Width::word}), 0x0200'0000u);
  other.write({Status, Width::word}, 0x0300'0000);
  EXPECT_EQ(other.read({Status, Width::word}), 0x0300'0000u);
  for (Width width : {Width::byte, Width::half, Width::word, Width::dword}) {
    u64 plain = machine.transport.read({Config, width});
    EXPECT_EQ(other.read({Config, width}), bus::byte_swapped(plain, width));
  }
  EXPECT_EQ(other.notify_value(1), 0x0100'0000u);
  EXPECT_EQ(machine.transport.notify_value(1), 1u);
}

TEST_F(MmioTest, QueueSizes) {
  driver.set(QueueSel, 0);
  EXPECT_EQ(driver.get(QueueSizeMax), 16);
  driver.set(QueueSel, 1);
  EXPECT_EQ(driver.get(QueueSizeMax), 64);
  for (const u32 none : {2u, 0xffffu, 0x10000u, 0xffff'ffffu}) {
    driver.set(QueueSel, none);
    EXPECT_EQ(driver.get(QueueSizeMax), 0);
    EXPECT_EQ(driver.get(QueueReady), 0);
    driver.set(QueueReady, 1);
    EXPECT_EQ(driver.get(QueueReady), 0);
  }
  EXPECT_FALSE(driver.needs_reset());
}

TEST_F(MmioTest, FullStartAndRoundTrip) {
  ASSERT_TRUE(driver.start());
  EXPECT_TRUE(device.running());
  EXPECT_EQ(device.agreed(), driver.offered());
  round_trip();
  EXPECT_TRUE(irq.asserted());
  EXPECT_EQ(driver.acknowledge(), interrupt_used);
  EXPECT_FALSE(irq.asserted());
}

TEST_F(MmioTest, FeaturesNotOfferedAreRefused) {
  EXPECT_FALSE(driver.negotiate(driver.offered() | spec::bit(1)));
  EXPECT_FALSE(driver.negotiate(driver.offered() | spec::bit(63)));
  EXPECT_FALSE(driver.negotiate(driver.offered() & ~spec::feature_version_1));  // legacy driver
  EXPECT_TRUE(driver.negotiate(spec::feature_version_1));
}

TEST_F(MmioTest, DriverOkNeedsFeaturesOk) {
  driver.negotiate(0);
  driver.driver_ok();
  EXPECT_EQ(driver.get(Status), spec::status_acknowledge | spec::status_driver);
  EXPECT_FALSE(device.running());
}

TEST_F(MmioTest, FeaturesAreFixedAfterFeaturesOk) {
  ASSERT_TRUE(driver.negotiate(spec::feature_version_1));
  driver.set(DriverFeaturesSel, 0);
  driver.set(DriverFeatures, 1);
  driver.driver_ok();
  EXPECT_EQ(device.agreed(), spec::feature_version_1);
}

TEST_F(MmioTest, StatusBitsAreOnlyAdded) {
  ASSERT_TRUE(driver.start());
  driver.set(Status, spec::status_acknowledge);
  EXPECT_TRUE(device.running());
  // The device's own bit cannot be set by the driver, nor can bits that do not exist.
  driver.set(Status, 0xffff'ffff & ~u32{spec::status_failed});
  EXPECT_EQ(driver.get(Status), 15);
}

TEST_F(MmioTest, NothingMovesBeforeDriverOk) {
  ASSERT_TRUE(driver.negotiate(driver.offered()));
  ASSERT_TRUE(driver.setup_queue(0, 8));
  driver.add(0, {driver.in(1)});
  driver.kick(0);
  EXPECT_EQ(device.notified, 0);
  EXPECT_EQ(driver.used_count(0), 0);
  driver.driver_ok();  // what waits is seen without a further notification
  EXPECT_EQ(driver.used_count(0), 1);
}

TEST_F(MmioTest, NotifyOfNoQueueIsIgnored) {
  ASSERT_TRUE(driver.start());
  const unsigned before = device.notified;
  for (const u32 none : {2u, 0xffffu, 0x10000u, 0xffff'ffffu}) driver.set(QueueNotify, none);
  machine.transport.notify_from_executor(9);
  EXPECT_EQ(device.notified, before);
}

TEST_F(MmioTest, InterruptIsALevel) {
  ASSERT_TRUE(driver.start());
  driver.set_used_event(0, 0);
  round_trip();
  device.change();
  EXPECT_EQ(irq.rising_edges(), 1);
  EXPECT_EQ(driver.get(InterruptStatus), interrupt_used | interrupt_config);
  driver.set(InterruptACK, interrupt_used);
  EXPECT_TRUE(irq.asserted());  // one cause is left
  driver.set(InterruptACK, interrupt_config);
  EXPECT_FALSE(irq.asserted());
  driver.set(InterruptACK, 0xffff'ffff);  // nothing to acknowledge
  EXPECT_EQ(driver.get(InterruptStatus), 0);
}

TEST_F(MmioTest, ConfigurationSpace) {
  EXPECT_EQ(driver.config<u8>(0), 1);
  EXPECT_EQ(driver.config<u16>(2), 0x0403);
  EXPECT_EQ(driver.config<u32>(0), 0x04030201);
  EXPECT_EQ(driver.config<u64>(0), 0x0000'0605'0403'0201);
  EXPECT_EQ(driver.config<u32>(4), 0x0605);  // zeroes beyond the end
  EXPECT_EQ(driver.config<u32>(0x80), 0);
  raw_write(Config + 1, bus::Width::half, 0xbeef);
  EXPECT_EQ(driver.config<u32>(0), 0x04beef01);
  raw_write(VirtioMmio::size - 8, bus::Width::dword, ~u64{0});
}

TEST_F(MmioTest, ConfigChange) {
  const u32 before = driver.get(ConfigGeneration);
  device.change();
  EXPECT_NE(driver.get(ConfigGeneration), before);
  EXPECT_FALSE(irq.asserted());  // nobody listens yet
  ASSERT_TRUE(driver.start());
  device.change();
  EXPECT_EQ(driver.acknowledge(), interrupt_config);
}

TEST_F(MmioTest, SharedMemoryRegionsDoNotExist) {
  driver.set(SHMSel, 0);
  EXPECT_EQ(driver.get(SHMLenLow), 0xffff'ffff);
  EXPECT_EQ(driver.get(SHMLenHigh), 0xffff'ffff);
}

TEST_F(MmioTest, WrongWidthsAndOffsets) {
  EXPECT_EQ(raw_read(MagicValue, bus::Width::byte), 0xff);
  EXPECT_EQ(raw_read(MagicValue, bus::Width::dword), ~u64{0});
  EXPECT_EQ(raw_read(2, bus::Width::word), 0xffff'ffff);
  EXPECT_EQ(raw_read(QueueNotify, bus::Width::word), 0xffff'ffff);  // write-only
  EXPECT_EQ(raw_read(0x0c8, bus::Width::word), 0xffff'ffff);        // no register
  raw_write(Status, bus::Width::byte, 1);
  raw_write(Status, bus::Width::dword, 1);
  raw_write(Status + 1, bus::Width::word, 1);
  EXPECT_EQ(driver.get(Status), 0);
  raw_write(MagicValue, bus::Width::word, 0);
  EXPECT_EQ(driver.get(MagicValue), 0x74726976);
}

TEST_F(MmioTest, ResetClearsEverything) {
  ASSERT_TRUE(driver.start());
  round_trip();
  EXPECT_TRUE(irq.asserted());
  const unsigned resets = device.resets;
  driver.set(Status, 0);
  EXPECT_EQ(device.resets, resets + 1);
  EXPECT_EQ(driver.get(Status), 0);
  EXPECT_EQ(driver.get(InterruptStatus), 0);
  EXPECT_FALSE(irq.asserted());
  driver.set(QueueSel, 0);
  EXPECT_EQ(driver.get(QueueReady), 0);
  ASSERT_TRUE(driver.start());
  round_trip();
}

TEST_F(MmioTest, QueueSetUpIsFixedWhileReady) {
  ASSERT_TRUE(driver.start());
  driver.set(QueueSel, 0);
  driver.set(QueueSize, 3);
  driver.set(QueueDescLow, 0);
  driver.set(QueueReady, 1);
  round_trip();
  EXPECT_FALSE(driver.needs_reset());
}

TEST_F(MmioTest, QueueCanBeStoppedAndStartedAgain) {
  ASSERT_TRUE(driver.start());
  round_trip();
  driver.set(QueueSel, 0);
  driver.set(QueueReady, 0);
  EXPECT_EQ(device.queue_resets, 1);
  EXPECT_EQ(driver.get(QueueReady), 0);
  driver.set(QueueReady, 0);
  EXPECT_EQ(device.queue_resets, 1);
  ASSERT_TRUE(driver.setup_queue(0, 8));
  round_trip();
}

TEST_F(MmioTest, ReadyWithoutAddresses) {
  ASSERT_TRUE(driver.negotiate(driver.offered()));
  driver.set(QueueSel, 0);
  driver.set(QueueSize, 8);
  EXPECT_FALSE(driver.enable(0));
  EXPECT_TRUE(driver.needs_reset());
  EXPECT_FALSE(irq.asserted());  // no interrupt before DRIVER_OK (2.1.2)
  ASSERT_TRUE(driver.start());   // and a reset heals it
  round_trip();
}

TEST_F(MmioTest, ReadyWithoutSize) {
  ASSERT_TRUE(driver.negotiate(driver.offered()));
  ASSERT_TRUE(driver.setup_queue(0, 8));
  driver.set(Status, 0);
  driver.rings[0].size = 0;
  driver.announce(0);
  EXPECT_FALSE(driver.enable(0));
  EXPECT_TRUE(driver.needs_reset());
}

TEST_F(MmioTest, BrokenQueueAsksForAReset) {
  ASSERT_TRUE(driver.start());
  driver.publish(0, 999);
  driver.kick(0);
  EXPECT_TRUE(driver.needs_reset());
  EXPECT_EQ(driver.acknowledge(), interrupt_config);
  EXPECT_FALSE(device.running());
  const unsigned before = device.notified;
  driver.kick(0);
  driver.kick(1);  // the whole device waits
  EXPECT_EQ(device.notified, before);
  ASSERT_TRUE(driver.start());
  EXPECT_FALSE(driver.needs_reset());
  round_trip();
}

TEST_F(MmioTest, NotificationThroughTheExecutor) {
  ASSERT_TRUE(driver.start());
  driver.add(1, {driver.in(1)});
  machine.transport.notify_from_executor(1);
  EXPECT_EQ(driver.used_count(1), 1);
}

TEST_F(MmioTest, PauseHoldsEverythingUntilResume) {
  ASSERT_TRUE(driver.start());
  machine.transport.pause();
  EXPECT_EQ(device.quiesced, 1);
  driver.add(0, {driver.in(1)});
  driver.kick(0);
  EXPECT_EQ(driver.used_count(0), 0);
  machine.transport.resume();
  EXPECT_EQ(driver.used_count(0), 1);
}

TEST_F(MmioTest, StateRoundTrip) {
  ASSERT_TRUE(driver.start(driver.offered() & ~spec::bit(5)));
  round_trip();
  StateWriter out;
  machine.transport.save(out);

  EchoDevice other_device;
  hv::FakeIrqLine other_irq;
  ManualExecutor executor;
  VirtioMmio other(other_device, machine.ram, other_irq, executor, machine.log);
  StateReader in(out.bytes());
  ASSERT_TRUE(other.restore(in));
  EXPECT_EQ(in.remaining(), 0);
  EXPECT_TRUE(other_irq.asserted());
  EXPECT_TRUE(other_device.running());
  EXPECT_EQ(other_device.agreed(), driver.offered() & ~spec::bit(5));
  StateWriter again;
  other.save(again);
  EXPECT_EQ(out.take(), again.take());
  // What the driver added meanwhile is found without a notification.
  driver.add(0, {driver.in(1)});
  executor.run();
  EXPECT_EQ(driver.used_count(0), 2);
}

TEST_F(MmioTest, DamagedStateChangesNothing) {
  ASSERT_TRUE(driver.start());
  StateWriter out;
  machine.transport.save(out);
  const std::vector<u8> good = out.take();
  EchoDevice other_device;
  hv::FakeIrqLine other_irq;
  ManualExecutor executor;
  VirtioMmio other(other_device, machine.ram, other_irq, executor, machine.log);
  StateWriter fresh_out;
  other.save(fresh_out);
  const std::vector<u8> fresh = fresh_out.take();
  const auto refuses = [&](Bytes bytes) {
    StateReader in(bytes);
    EXPECT_FALSE(other.restore(in));
    StateWriter now;
    other.save(now);
    EXPECT_EQ(now.take(), fresh);
  };
  for (usize size = 0; size < good.size(); ++size) refuses(Bytes(good).first(size));
  std::vector<u8> bad = good;
  bad[0] = 99;  // version
  refuses(bad);
  bad = good;
  bad[1] = 2;  // another device
  refuses(bad);
  bad = good;
  bad.back() = 1;  // the device's own part
  refuses(bad);
}

}  // namespace
}  // namespace pv::virtio
