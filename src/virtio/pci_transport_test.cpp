#include "virtio/pci_transport.h"

#include <gtest/gtest.h>

#include "block/fake_engine.h"
#include "device/fakes.h"
#include "virtio/block.h"
#include "virtio/console.h"
#include "virtio/entropy.h"
#include "virtio/fake_pci.h"

namespace pv::virtio {
namespace {

using bus::Width;
using namespace spec::pci;
using Kind = VirtioPci::Kind;

struct Modern : testing::Test {
  device::FakeEntropy entropy;
  Rng rng{entropy};
  FakePciMachine machine{rng, Kind::modern};
  FakeDriver& driver = machine.driver;
  Modern() { machine.place(); }

  // Offers a buffer and expects it to come back full.
  void expect_served() {
    const auto buffer = driver.in(16);
    driver.add(0, {buffer});
    machine.kick(0);
    const auto used = driver.used(0);
    ASSERT_TRUE(used.has_value());
    EXPECT_EQ(used->length, 16u);
    EXPECT_NE(driver.text(buffer), std::string(16, '\xee'));
  }
};
using VirtioPciModern = Modern;

TEST_F(VirtioPciModern, IsWhatTheSpecificationCallsIt) {
  EXPECT_EQ(machine.config(0x00), 0x1044'1af4u);
  EXPECT_EQ(machine.config(0x08, Width::byte), 1u);  // revision
  EXPECT_EQ(machine.config(0x2c), 0x0044'1af4u);
  EXPECT_EQ(machine.config(0x3d, Width::byte), 1u);
  EXPECT_EQ(machine.config(0x10), 0u);  // no legacy BAR
}

TEST_F(VirtioPciModern, CapabilitiesNameEveryStructure) {
  for (const u8 type : {cap_common, cap_notify, cap_isr, cap_device}) {
    const u32 at = machine.capability(type);
    ASSERT_NE(at, 0u) << int{type};
    EXPECT_EQ(machine.config(at + 2, Width::byte), type == cap_notify ? 20u : 16u);
    EXPECT_EQ(machine.config(at + 4, Width::byte), 1u);
    const u32 offset = machine.config(at + 8), length = machine.config(at + 12);
    EXPECT_LE(offset + length, 0x400u);  // the MSI-X table begins there
  }
  EXPECT_GE(machine.config(machine.capability(cap_common) + 12), 56u);
  EXPECT_EQ(machine.config(machine.capability(cap_notify) + 16), notify_multiplier);
  EXPECT_NE(machine.capability(cap_pci_cfg), 0u);
}

TEST_F(VirtioPciModern, ServesAQueue) {
  ASSERT_TRUE(machine.start());
  expect_served();
  EXPECT_TRUE(machine.intx());
  EXPECT_EQ(machine.config(0x06, Width::half) & 8, 8u);
  EXPECT_EQ(machine.get(machine.structure(cap_isr), 1), isr_queue);
  EXPECT_FALSE(machine.intx());
  EXPECT_EQ(machine.get(machine.structure(cap_isr), 1), 0u);
}

TEST_F(VirtioPciModern, NegotiatesLikeTheOthers) {
  EXPECT_FALSE(machine.negotiate(0));                            // no VERSION_1
  EXPECT_FALSE(machine.negotiate(machine.offered() | 1u << 5));  // what was not offered
  EXPECT_TRUE(machine.negotiate(machine.offered()));
  EXPECT_EQ(machine.offered() & spec::feature_any_layout, 0u);
  machine.set_common(DriverFeatureSelect, 0);
  machine.set_common(DriverFeature, 0);  // settled
  machine.set_common(DriverFeatureSelect, 1);
  EXPECT_EQ(machine.common(DriverFeature), static_cast<u32>(machine.offered() >> 32));
}

TEST_F(VirtioPciModern, FieldsHaveTheirWidthOnly) {
  ASSERT_TRUE(machine.negotiate(machine.offered()));
  const u64 bar = FakePciMachine::bar;
  EXPECT_EQ(machine.get(bar + DeviceStatus, 4), 0xffff'ffffu);
  EXPECT_EQ(machine.get(bar + DeviceStatus, 2), 0xffffu);
  EXPECT_EQ(machine.get(bar + NumQueues, 1), 0xffu);
  EXPECT_EQ(machine.get(bar + 60, 4), 0xffff'ffffu);
  machine.set(bar + DeviceStatus, 4, 0);
  EXPECT_NE(machine.common(DeviceStatus), 0u);
  machine.set(bar + QueueDesc, 8, 0x1234'5678'9abc'def0);  // a processor's whole field
  EXPECT_EQ(machine.common(QueueDesc + 4), 0x1234'5678u);
  EXPECT_EQ(machine.host.read(bar + QueueDesc, Width::dword), 0x1234'5678'9abc'def0u);
}

TEST_F(VirtioPciModern, QueuesAreCheckedAndThenFixed) {
  ASSERT_TRUE(machine.negotiate(machine.offered()));
  EXPECT_EQ(machine.common(NumQueues), 1u);
  machine.set_common(QueueSelect, 1);
  EXPECT_EQ(machine.common(QueueSize), 0u);
  EXPECT_EQ(machine.common(QueueMsixVector), no_vector);
  machine.set_common(QueueEnable, 1);
  EXPECT_EQ(machine.common(QueueEnable), 0u);
  machine.set_common(QueueSelect, 0);
  EXPECT_EQ(machine.common(QueueSize), 16u);
  machine.set_common(QueueSize, 8);
  EXPECT_EQ(machine.common(QueueSize), 8u);
  machine.set_common64(QueueDesc, FakePciMachine::ram_base);
  machine.set_common64(QueueDriver, FakePciMachine::ram_base + 0x1000);
  machine.set_common64(QueueDevice, FakePciMachine::ram_base + 0x2000);
  machine.set_common(QueueEnable, 1);
  EXPECT_EQ(machine.common(QueueEnable), 1u);
  machine.set_common(QueueSize, 4);
  machine.set_common64(QueueDesc, 0);
  machine.set_common(QueueEnable, 0);  // not a driver's right
  EXPECT_EQ(machine.common(QueueSize), 8u);
  EXPECT_EQ(machine.common(QueueEnable), 1u);
  EXPECT_EQ(machine.common(QueueDesc), static_cast<u32>(FakePciMachine::ram_base));
  machine.set_common(DeviceStatus, 0);
  machine.set_common(QueueSelect, 0);
  EXPECT_EQ(machine.common(QueueSize), 16u);
  EXPECT_EQ(machine.common(QueueEnable), 0u);
}

TEST_F(VirtioPciModern, ABrokenQueueNeedsAReset) {
  ASSERT_TRUE(machine.negotiate(machine.offered()));
  machine.set_common64(QueueDesc, 0x1000);  // no RAM
  machine.set_common(QueueEnable, 1);
  EXPECT_NE(machine.common(DeviceStatus) & spec::status_needs_reset, 0u);
  ASSERT_TRUE(machine.start());
  expect_served();
}

TEST_F(VirtioPciModern, MsixHasAVectorForEachQueue) {
  machine.enable_msix();
  ASSERT_TRUE(machine.start(machine.offered(), true));
  EXPECT_EQ(machine.common(QueueMsixVector), 1u);
  expect_served();
  ASSERT_EQ(machine.target.signals.size(), 1u);
  EXPECT_EQ(machine.target.signals[0], (hv::Msi{0xfee0'0000, 0x101, FakePciMachine::slot << 3}));
  EXPECT_FALSE(machine.intx());
  EXPECT_EQ(machine.get(machine.structure(cap_isr), 1), 0u);
  static_cast<DeviceHost&>(machine.function).config_changed();
  ASSERT_EQ(machine.target.signals.size(), 2u);
  EXPECT_EQ(machine.target.signals[1].data, 0x100u);
  EXPECT_EQ(machine.common(ConfigGeneration), 1u);
  EXPECT_EQ(machine.get(machine.structure(cap_isr), 1), isr_config);
}

TEST_F(VirtioPciModern, VectorsThatDoNotExistAreRefused) {
  machine.set_common(ConfigMsixVector, 2);  // there are 0 and 1
  EXPECT_EQ(machine.common(ConfigMsixVector), no_vector);
  machine.set_common(ConfigMsixVector, 1);
  EXPECT_EQ(machine.common(ConfigMsixVector), 1u);
  machine.set_common(QueueMsixVector, no_vector);
  EXPECT_EQ(machine.common(QueueMsixVector), no_vector);
  machine.set_common(DeviceStatus, 0);
  EXPECT_EQ(machine.common(ConfigMsixVector), no_vector);
}

TEST_F(VirtioPciModern, QueuesWithoutAVectorAreSilent) {
  machine.enable_msix();
  ASSERT_TRUE(machine.start());
  expect_served();
  EXPECT_TRUE(machine.target.signals.empty());
  EXPECT_FALSE(machine.intx());
}

TEST_F(VirtioPciModern, IsServedAfterTheBarHasMoved) {
  ASSERT_TRUE(machine.start());
  machine.place(pci::FakeHost::memory_base + 0x9000);
  EXPECT_FALSE(machine.host.answers(FakePciMachine::bar));
  machine.place();
  expect_served();
}

TEST_F(VirtioPciModern, RegistersAreReachedThroughTheConfigurationSpace) {
  const u32 window = machine.capability(cap_pci_cfg);
  const auto aim = [&](u32 offset, u32 length) {
    machine.host.set(FakePciMachine::slot, window + 4, 1, Width::byte);
    machine.host.set(FakePciMachine::slot, window + 8, offset);
    machine.host.set(FakePciMachine::slot, window + 12, length);
  };
  aim(NumQueues, 2);
  EXPECT_EQ(machine.config(window + 16) & 0xffff, 1u);
  aim(DeviceStatus, 1);
  machine.host.set(FakePciMachine::slot, window + 16, spec::status_acknowledge);
  EXPECT_EQ(machine.common(DeviceStatus), spec::status_acknowledge);
  for (const auto& [offset, length] :
       {std::pair{1u, 4u}, {0x1000u, 4u}, {0u, 3u}, {0u, 8u}, {~3u, 4u}, {0u, 0u}}) {
    aim(offset, length);
    machine.host.set(FakePciMachine::slot, window + 16, 0);
    EXPECT_EQ(machine.config(window + 16), 0u) << offset << " " << length;
  }
  EXPECT_EQ(machine.common(DeviceStatus), spec::status_acknowledge);
  machine.host.set(FakePciMachine::slot, window + 4, 5, Width::byte);  // no such BAR
  machine.host.set(FakePciMachine::slot, window + 12, 4);
  EXPECT_EQ(machine.config(window + 16), 0u);
}

TEST_F(VirtioPciModern, StateGoesRound) {
  machine.enable_msix();
  ASSERT_TRUE(machine.start(machine.offered(), true));
  expect_served();
  StateWriter out;
  machine.function.save(out);
  machine.set_common(DeviceStatus, 0);
  machine.host.command(FakePciMachine::slot, 0);
  StateReader in(out.bytes());
  ASSERT_TRUE(machine.function.restore(in));
  machine.host.root.update();
  EXPECT_EQ(machine.common(QueueMsixVector), 1u);
  machine.executor.run();
  expect_served();
  EXPECT_EQ(machine.target.signals.back().data, 0x101u);
  for (usize size = 0; size < out.bytes().size(); size += 7) {
    StateReader cut(out.bytes().first(size));
    EXPECT_FALSE(machine.function.restore(cut)) << size;
  }
  expect_served();
}

TEST(VirtioPciIntx, IsAllThereIsWithoutATargetForMessages) {
  device::FakeEntropy entropy;
  Rng rng(entropy);
  FakePciMachine machine(rng, Kind::modern, false);
  machine.place();
  EXPECT_EQ(machine.msix_capability(), 0u);
  machine.set_common(ConfigMsixVector, 0);
  EXPECT_EQ(machine.common(ConfigMsixVector), no_vector);
}

TEST(VirtioPciDoorbells, EachQueueHasItsOwnAddress) {
  block::FakeImage image(64 * 512);
  block::FakeEngine engine(64 * 512);
  Block disk(image, engine, "disk");
  FakePciMachine machine(disk, Kind::transitional);
  machine.function.set_doorbell(0, 42);
  struct Port final : bus::DoorbellPort {
    std::vector<bus::Doorbell> there;
    void attach(const bus::Doorbell& d) override { there.push_back(d); }
    void detach(const bus::Doorbell& d) override { std::erase(there, d); }
  } port;
  machine.host.bus.set_doorbell_port(port);
  machine.place();
  ASSERT_EQ(port.there.size(), 2u);
  EXPECT_EQ(port.there[0], (bus::Doorbell{FakePciMachine::io_bar + legacy::QueueNotify, 2, 0, 42}));
  EXPECT_EQ(port.there[1], (bus::Doorbell{machine.structure(cap_notify), 2, {}, 42}));
  machine.host.command(FakePciMachine::slot, 0);
  EXPECT_TRUE(port.there.empty());
}

struct Transitional : testing::Test {
  device::RecordingSink sink;
  device::CountingSource source;
  Console console{sink, source};
  FakePciMachine machine{console, Kind::transitional};
  FakeDriver& driver = machine.driver;
  Transitional() { machine.place(); }

  void expect_output(std::string_view text) {
    sink.clear();
    driver.add(1, {driver.out(text)});
    machine.set_legacy(legacy::QueueNotify, 1);
    EXPECT_EQ(sink.text(), text);
  }
};
using VirtioPciTransitional = Transitional;

TEST_F(VirtioPciTransitional, HasTheOldIdsAndBothBars) {
  EXPECT_EQ(machine.config(0x00), 0x1003'1af4u);
  EXPECT_EQ(machine.config(0x08, Width::byte), 0u);
  EXPECT_EQ(machine.config(0x2c), 0x0003'1af4u);
  EXPECT_EQ(machine.config(0x10) & 1, 1u);
  EXPECT_NE(machine.capability(cap_common), 0u);
}

TEST_F(VirtioPciTransitional, ServesALegacyDriver) {
  EXPECT_NE(machine.legacy(legacy::DeviceFeatures) & spec::feature_any_layout, 0u);
  ASSERT_TRUE(machine.start_legacy(0));
  expect_output("from long ago");
  EXPECT_TRUE(machine.intx());
  EXPECT_EQ(machine.legacy(legacy::IsrStatus), isr_queue);
  EXPECT_FALSE(machine.intx());
  ASSERT_TRUE(driver.used(1).has_value());
}

TEST_F(VirtioPciTransitional, ServesAModernDriverToo) {
  ASSERT_TRUE(machine.start());
  driver.add(1, {driver.out("modern")});
  machine.kick(1);
  EXPECT_EQ(sink.text(), "modern");
}

TEST_F(VirtioPciTransitional, ALegacyQueueIsStoppedAndStartedAgain) {
  ASSERT_TRUE(machine.start_legacy(0));
  expect_output("one");
  machine.set_legacy(legacy::QueueSelect, 1);
  machine.set_legacy(legacy::QueueAddress, 0x12345);  // in use: fixed
  EXPECT_EQ(machine.legacy(legacy::QueueAddress), driver.rings[1].descriptors / 4096);
  machine.set_legacy(legacy::QueueAddress, 0);
  EXPECT_EQ(machine.legacy(legacy::QueueAddress), 0u);
  ASSERT_TRUE(machine.start_legacy(0));
  expect_output("two");
}

TEST_F(VirtioPciTransitional, FeaturesThatWereNotOfferedKeepTheDeviceOff) {
  EXPECT_TRUE(machine.start_legacy(1u << 20));
  EXPECT_EQ(machine.legacy(legacy::DeviceStatus) & spec::status_driver_ok, 0u);
}

TEST_F(VirtioPciTransitional, MsixMovesTheDevicesRegisters) {
  std::unique_lock lock(machine.function.mutex());
  console.resize(80, 25);
  lock.unlock();
  EXPECT_EQ(machine.get(FakePciMachine::io_bar + 20, 2), 80u);
  machine.enable_msix();
  EXPECT_EQ(machine.get(FakePciMachine::io_bar + 24, 2), 80u);
  EXPECT_EQ(machine.legacy(legacy::ConfigVector), no_vector);
  machine.set_legacy(legacy::QueueSelect, 1);
  machine.set_legacy(legacy::QueueVector, 2);
  EXPECT_EQ(machine.legacy(legacy::QueueVector), 2u);
}

TEST_F(VirtioPciTransitional, StateGoesRound) {
  ASSERT_TRUE(machine.start_legacy(0));
  StateWriter out;
  machine.function.save(out);
  machine.set_legacy(legacy::DeviceStatus, 0);
  StateReader in(out.bytes());
  ASSERT_TRUE(machine.function.restore(in));
  machine.host.root.update();
  expect_output("again");
}

}  // namespace
}  // namespace pv::virtio
