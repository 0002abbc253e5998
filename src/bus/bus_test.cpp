#include "bus/bus.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/text.h"

namespace pv::bus {
namespace {

struct Recorder final : MmioDevice {
  u64 answer = 0x1122'3344'5566'7788;
  u64 last_offset = 0, last_value = 0;
  u64 read(Access a) override {
    last_offset = a.offset;
    return answer;
  }
  void write(Access a, u64 value) override {
    last_offset = a.offset;
    last_value = value;
  }
  void save(StateWriter&) const override {}
  Result<void> restore(StateReader&) override { return {}; }
};

TEST(Bus, DispatchesByOffsetAndCutsToWidth) {
  Bus bus;
  Recorder a, b;
  ASSERT_TRUE(bus.attach({0x2000, 0x100}, b, "b"));
  ASSERT_TRUE(bus.attach({0x1000, 0x100}, a, "a"));
  u64 v = 0;
  EXPECT_TRUE(bus.read(0x2004, Width::half, v));
  EXPECT_EQ(v, 0x7788u);
  EXPECT_EQ(b.last_offset, 4u);
  EXPECT_TRUE(bus.write(0x1008, Width::byte, 0x1ff));
  EXPECT_EQ(a.last_value, 0xffu);
}

TEST(Bus, UnclaimedReadsAllOnes) {
  Bus bus;
  Recorder a;
  ASSERT_TRUE(bus.attach({0x1000, 0x10}, a, "a"));
  u64 v = 0;
  EXPECT_FALSE(bus.read(0xfff, Width::byte, v));
  EXPECT_EQ(v, 0xffu);
  EXPECT_FALSE(bus.read(0x100e, Width::word, v));  // crosses the end
  EXPECT_EQ(v, 0xffff'ffffu);
  EXPECT_FALSE(bus.write(0x1010, Width::byte, 0));
  EXPECT_FALSE(bus.read(~u64{0}, Width::dword, v));
}

TEST(Bus, OverlapNamesBothDevices) {
  Bus bus;
  Recorder a, b;
  ASSERT_TRUE(bus.attach({0x1000, 0x100}, a, "uart"));
  EXPECT_EQ(bus.attach({0x10ff, 1}, b, "rtc").error().message,
            "rtc at 0x10ff overlaps uart at 0x1000");
  EXPECT_FALSE(bus.attach({0xf00, 0x101}, b, "rtc"));
  EXPECT_FALSE(bus.attach({~u64{0}, 2}, b, "rtc"));
  EXPECT_TRUE(bus.attach({0xf00, 0x100}, b, "rtc"));
}

TEST(Bus, TransactionMovesTogetherOrNotAtAll) {
  Bus bus;
  Recorder a;
  ASSERT_TRUE(bus.attach({0x1000, 0x100}, a, "a"));
  u64 v = 0;
  {
    Bus::Transaction move(bus);
    EXPECT_TRUE(move.detach(0x1000));
    ASSERT_TRUE(move.attach({0x3000, 0x100}, a, "a"));
  }  // not committed
  EXPECT_TRUE(bus.read(0x1000, Width::byte, v));
  {
    Bus::Transaction move(bus);
    EXPECT_TRUE(move.detach(0x1000));
    ASSERT_TRUE(move.attach({0x3000, 0x100}, a, "a"));
    move.commit();
  }
  EXPECT_FALSE(bus.read(0x1000, Width::byte, v));
  EXPECT_TRUE(bus.read(0x3000, Width::byte, v));
  EXPECT_TRUE(bus.read(0x3000, Width::byte, v));
}

TEST(Bus, FirstOffsetTellsTheDeviceWhichWindow) {
  Bus bus;
  Recorder a;
  Bus::Transaction change(bus);
  ASSERT_TRUE(change.attach({0x1000, 0x100}, a, "a", u64{3} << 32));
  change.commit();
  ASSERT_TRUE(bus.write(0x1010, Width::half, 7));
  EXPECT_EQ(a.last_offset, (u64{3} << 32) + 0x10);
}

// What the hypervisor is told, in order.
class RecordingPort final : public DoorbellPort {
 public:
  void attach(const Doorbell& doorbell) override { log += text(" +{:#x}", doorbell.address); }
  void detach(const Doorbell& doorbell) override { log += text(" -{:#x}", doorbell.address); }
  std::string log;
};

TEST(Bus, DoorbellsMoveWithTheirRange) {
  Bus bus;
  Recorder a;
  RecordingPort port;
  bus.set_doorbell_port(port);
  const std::array<Doorbell, 2> doorbells = {Doorbell{0x10, 2, {}, 5}, Doorbell{0x14, 2, {}, 6}};
  {
    Bus::Transaction change(bus);
    ASSERT_TRUE(change.attach({0x1000, 0x100}, a, "a", 0, doorbells));
    EXPECT_EQ(port.log, "");
    change.commit();
  }
  EXPECT_EQ(port.log, " +0x1010 +0x1014");
  port.log.clear();
  {
    Bus::Transaction change(bus);
    EXPECT_TRUE(change.detach(0x1000));
    ASSERT_TRUE(change.attach({0x2000, 0x100}, a, "a", 0, doorbells));
    EXPECT_TRUE(change.detach(0x2000));  // thought better of
    ASSERT_TRUE(change.attach({0x3000, 0x100}, a, "a", 0, doorbells));
    change.commit();
  }
  EXPECT_EQ(port.log, " -0x1010 -0x1014 +0x3010 +0x3014");
}

// A device that moves itself when it is written to, as a PCI function's command register does.
class Mover final : public MmioDevice {
 public:
  explicit Mover(Bus& bus) : bus_(bus) {}
  u64 read(Access) override { return base; }
  void write(Access, u64 to) override {
    Bus::Transaction move(bus_);
    CHECK(move.detach(base));
    CHECK(move.attach({to, 0x100}, *this, "mover"));
    move.commit();
    base = to;
  }
  void save(StateWriter&) const override {}
  Result<void> restore(StateReader&) override { return {}; }
  u64 base = 0x1000;

 private:
  Bus& bus_;
};

TEST(Bus, OldSnapshotsGoAlthoughTheGuestMovesForEver) {
  Bus bus;
  Mover mover(bus);
  ASSERT_TRUE(bus.attach({mover.base, 0x100}, mover, "mover"));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(bus.write(mover.base, Width::dword, i % 2 == 0 ? 0x5000 : 0x1000));
    ASSERT_LE(bus.kept(), 3u);
  }
}

TEST(Bus, ReadersSeeTheOldPlaceOrTheNewOne) {
  Bus bus;
  Mover mover(bus);
  Recorder fixed;
  ASSERT_TRUE(bus.attach({mover.base, 0x100}, mover, "mover"));
  ASSERT_TRUE(bus.attach({0x9000, 0x100}, fixed, "fixed"));
  std::atomic<bool> stop{false};
  std::atomic<u64> wrong{0};
  std::vector<std::thread> readers;
  for (int n = 0; n < 2; ++n)
    readers.emplace_back([&] {
      while (!stop) {
        u64 value = 0;
        if (bus.read(0x1000, Width::dword, value) && value != 0x1000 && value != 0x5000) ++wrong;
        if (bus.read(0x5000, Width::dword, value) && value != 0x1000 && value != 0x5000) ++wrong;
        if (!bus.read(0x9000, Width::byte, value)) ++wrong;
      }
    });
  for (int i = 0; i < 3000; ++i)
    ASSERT_TRUE(
        bus.write(i % 2 == 0 ? 0x1000 : 0x5000, Width::dword, i % 2 == 0 ? 0x5000 : 0x1000));
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0u);
  // With nobody inside, two more changes free all but what they replace.
  ASSERT_TRUE(bus.write(0x1000, Width::dword, 0x5000));
  ASSERT_TRUE(bus.write(0x5000, Width::dword, 0x1000));
  ASSERT_TRUE(bus.write(0x1000, Width::dword, 0x5000));
  EXPECT_LE(bus.kept(), 3u);
}

}  // namespace
}  // namespace pv::bus
