// Block: every request type, every way to get one wrong, asynchronous completion, reset and state.
#include "virtio/block.h"

#include <gtest/gtest.h>

#include "block/fake_engine.h"
#include "virtio/fake_driver.h"

namespace pv::virtio {
namespace {

using namespace spec::block;
using Kind = block::Operation::Kind;

class BlockTest : public ::testing::Test {
 protected:
  static constexpr u64 sectors = 64;

  block::FakeImage image{sectors * 512 + 100};  // the last sector is not whole
  block::FakeEngine engine{sectors * 512};
  Block disk{image, engine, "disk-serial"};
  FakeMachine machine{disk};
  FakeDriver& driver = machine.driver;
  FakeDriver::Piece status{};

  FakeDriver::Piece header(u32 type, u64 sector) {
    return driver.out_as(RequestHeader{type, u32{0}, sector});
  }
  // Sends header + pieces + status and returns the status, or -1 when no answer came.
  int request(u32 type, u64 sector, std::vector<FakeDriver::Piece> pieces) {
    pieces.insert(pieces.begin(), header(type, sector));
    status = driver.in(1);
    pieces.push_back(status);
    driver.add(0, pieces);
    kick();
    return answer();
  }
  void kick() {
    driver.kick(0);
    machine.executor.run();
  }
  int answer() {
    used = driver.used(0);
    return used ? static_cast<u8>(driver.text(status)[0]) : -1;
  }
  FakeDriver::Piece segment(u64 sector, u32 count, u32 flags) {
    return driver.out_as(RangeSegment{sector, count, flags});
  }
  std::optional<spec::UsedElement> used;
};

TEST_F(BlockTest, ConfigurationSpace) {
  EXPECT_EQ(driver.get(spec::mmio::DeviceID), 2);
  EXPECT_EQ(driver.config<u64>(offsetof(Config, capacity)), sectors);
  EXPECT_EQ(driver.config<u32>(offsetof(Config, seg_max)), 126);
  EXPECT_EQ(driver.config<u32>(offsetof(Config, blk_size)), 512);
  EXPECT_EQ(driver.config<u32>(offsetof(Config, max_discard_seg)), 1);
  const u64 expected =
      feature_seg_max | feature_blk_size | feature_flush | feature_discard | feature_write_zeroes;
  EXPECT_EQ(disk.features(), expected);
  image.discards = false;
  image.is_read_only = true;
  EXPECT_EQ(disk.features(), feature_seg_max | feature_blk_size | feature_flush | feature_ro);
  EXPECT_EQ(driver.config<u32>(offsetof(Config, max_discard_seg)), 0);
}

TEST_F(BlockTest, WriteThenRead) {
  ASSERT_TRUE(driver.start());
  const std::string data = std::string(512, 'a') + std::string(512, 'b');
  EXPECT_EQ(request(type_out, 3, {driver.out(data)}), status_ok);
  EXPECT_EQ(used->length, 1);
  EXPECT_EQ(std::string(engine.content.begin() + 3 * 512, engine.content.begin() + 5 * 512), data);
  const auto half = driver.in(300);
  const auto rest = driver.in(724);
  EXPECT_EQ(request(type_in, 3, {half, rest}), status_ok);
  EXPECT_EQ(used->length, 1025);
  EXPECT_EQ(driver.text(half) + driver.text(rest), data);
  EXPECT_EQ(driver.acknowledge(), spec::mmio::interrupt_used);
}

TEST_F(BlockTest, AnyFraming) {
  ASSERT_TRUE(driver.start());
  engine.content[512] = 'Q';
  // The header in three pieces; status in the same piece as the data.
  const RequestHeader head{u32{type_in}, u32{0}, u64{1}};
  const Bytes raw(reinterpret_cast<const u8*>(&head), sizeof head);
  const auto a = driver.out(raw.first(1));
  const auto b = driver.out(raw.subspan(1, 9));
  const auto c = driver.out(raw.subspan(10));
  const auto data = driver.in(513);
  driver.add(0, {a, b, c, data});
  kick();
  EXPECT_EQ(driver.used(0)->length, 513);
  EXPECT_EQ(driver.text(data)[0], 'Q');
  EXPECT_EQ(driver.text(data)[512], status_ok);
  // Header and data to write in one piece.
  std::vector<u8> both(16 + 512, 'z');
  const RequestHeader out_head{u32{type_out}, u32{0}, u64{2}};
  std::memcpy(both.data(), &out_head, 16);
  status = driver.in(1);
  driver.add_indirect(0, {driver.out(both), status});
  kick();
  EXPECT_EQ(answer(), status_ok);
  EXPECT_EQ(engine.content[1024], 'z');
  EXPECT_EQ(engine.content[1024 + 511], 'z');
}

TEST_F(BlockTest, TransfersOutsideTheDisk) {
  ASSERT_TRUE(driver.start());
  for (const u32 type : {type_in, type_out}) {
    const auto piece = [&](u32 n) {
      return type == type_in ? driver.in(n) : driver.out(std::string(n, 'x'));
    };
    EXPECT_EQ(request(type, sectors - 1, {piece(512)}), status_ok);
    EXPECT_EQ(request(type, sectors - 1, {piece(1024)}), status_ioerr);
    EXPECT_EQ(request(type, sectors, {piece(512)}), status_ioerr);
    EXPECT_EQ(request(type, ~u64{0}, {piece(512)}), status_ioerr);
    EXPECT_EQ(request(type, ~u64{0} / 512, {piece(1024)}), status_ioerr);
    EXPECT_EQ(request(type, u64{1} << 55, {piece(512)}), status_ioerr);  // times 512 wraps to 0
    EXPECT_EQ(request(type, sectors, {}), status_ok);                    // nothing, at the end
    EXPECT_EQ(request(type, sectors + 1, {}), status_ioerr);
  }
  EXPECT_EQ(engine.log.size(), 2);
}

TEST_F(BlockTest, LengthMustBeWholeSectors) {
  ASSERT_TRUE(driver.start());
  for (const u32 length : {1u, 511u, 513u}) {
    EXPECT_EQ(request(type_in, 0, {driver.in(length)}), status_ioerr);
    EXPECT_EQ(request(type_out, 0, {driver.out(std::string(length, 'x'))}), status_ioerr);
  }
  EXPECT_TRUE(engine.log.empty());
}

TEST_F(BlockTest, ReadOnlyDiskIsNeverWritten) {
  image.is_read_only = true;
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(request(type_out, 0, {driver.out(std::string(512, 'x'))}), status_ioerr);
  EXPECT_EQ(request(type_discard, 0, {segment(0, 1, 0)}), status_ioerr);
  EXPECT_EQ(request(type_write_zeroes, 0, {segment(0, 1, 0)}), status_ioerr);
  EXPECT_TRUE(engine.log.empty());
  EXPECT_EQ(request(type_in, 0, {driver.in(512)}), status_ok);
  EXPECT_EQ(request(type_flush, 0, {}), status_ok);
}

TEST_F(BlockTest, FlushReachesTheEngine) {
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(request(type_flush, 0, {}), status_ok);
  ASSERT_EQ(engine.log.size(), 1);
  EXPECT_EQ(engine.log[0].kind, Kind::flush);
}

TEST_F(BlockTest, WithoutFlushWritesAreDurable) {
  ASSERT_TRUE(driver.start(spec::feature_version_1 | feature_seg_max));
  EXPECT_EQ(request(type_out, 0, {driver.out(std::string(512, 'x'))}), status_ok);
  EXPECT_TRUE(engine.log[0].durable);
  EXPECT_EQ(request(type_in, 0, {driver.in(512)}), status_ok);
  EXPECT_FALSE(engine.log[1].durable);
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(request(type_out, 0, {driver.out(std::string(512, 'x'))}), status_ok);
  EXPECT_FALSE(engine.log[2].durable);
}

TEST_F(BlockTest, GetId) {
  ASSERT_TRUE(driver.start());
  const auto id = driver.in(20);
  EXPECT_EQ(request(type_get_id, 0, {id}), status_ok);
  EXPECT_EQ(driver.text(id), std::string("disk-serial") + std::string(9, '\0'));
  EXPECT_EQ(used->length, 21);
  const auto little = driver.in(4);
  EXPECT_EQ(request(type_get_id, 0, {little}), status_ok);
  EXPECT_EQ(driver.text(little), "disk");
  const auto much = driver.in(30);
  EXPECT_EQ(request(type_get_id, 0, {much}), status_ok);
  EXPECT_EQ(used->length, 20);
}

TEST_F(BlockTest, DiscardAndWriteZeroes) {
  ASSERT_TRUE(driver.start());
  engine.content.assign(engine.content.size(), 0xff);
  EXPECT_EQ(request(type_discard, 0, {segment(2, 3, 0)}), status_ok);
  EXPECT_EQ(engine.log[0].kind, Kind::discard);
  EXPECT_EQ(engine.log[0].offset, 1024);
  EXPECT_EQ(engine.log[0].length, 1536);
  EXPECT_EQ(request(type_write_zeroes, 0, {segment(10, 1, 0)}), status_ok);
  EXPECT_FALSE(engine.log[1].may_unmap);
  EXPECT_EQ(request(type_write_zeroes, 0, {segment(11, 1, range_unmap)}), status_ok);
  EXPECT_TRUE(engine.log[2].may_unmap);
  EXPECT_EQ(engine.content[10 * 512], 0);
  EXPECT_EQ(engine.content[9 * 512], 0xff);
}

TEST_F(BlockTest, RangesThatMakeNoSense) {
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(request(type_discard, 0, {segment(0, 1, range_unmap)}), status_unsupp);
  EXPECT_EQ(request(type_write_zeroes, 0, {segment(0, 1, 2)}), status_unsupp);
  EXPECT_EQ(request(type_discard, 0, {segment(sectors, 1, 0)}), status_ioerr);
  EXPECT_EQ(request(type_discard, 0, {segment(~u64{0}, 1, 0)}), status_ioerr);
  EXPECT_EQ(request(type_discard, 0, {segment(0, 0xffff'ffff, 0)}), status_ioerr);
  EXPECT_EQ(request(type_discard, 0, {}), status_ioerr);
  EXPECT_EQ(request(type_discard, 0, {driver.out("short")}), status_ioerr);
  EXPECT_EQ(request(type_discard, 0, {segment(0, 1, 0), segment(1, 1, 0)}), status_ioerr);
  EXPECT_EQ(request(type_discard, 0, {segment(0, 0, 0)}), status_ok);
  EXPECT_TRUE(engine.log.empty());
  image.discards = false;
  EXPECT_EQ(request(type_discard, 0, {segment(0, 1, 0)}), status_unsupp);
}

TEST_F(BlockTest, UnknownRequests) {
  ASSERT_TRUE(driver.start());
  for (const u32 type : {2u, 3u, 9u, 10u, 14u, 15u, 0x8000'0000u, 0xffff'ffffu})
    EXPECT_EQ(request(type, 0, {driver.in(512)}), status_unsupp) << type;
}

TEST_F(BlockTest, HeaderTooShort) {
  ASSERT_TRUE(driver.start());
  status = driver.in(1);
  driver.add(0, {driver.out("fifteen bytes.."), status});
  kick();
  EXPECT_EQ(answer(), status_ioerr);
  driver.add(0, {status});
  kick();
  EXPECT_EQ(answer(), status_ioerr);
  EXPECT_FALSE(driver.needs_reset());
}

TEST_F(BlockTest, NoRoomForTheStatus) {
  ASSERT_TRUE(driver.start());
  driver.add(0, {header(type_out, 0), driver.out(std::string(512, 'x'))});
  kick();
  EXPECT_TRUE(driver.needs_reset());
  EXPECT_TRUE(engine.log.empty());
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(request(type_in, 0, {driver.in(512)}), status_ok);
}

TEST_F(BlockTest, WritableBeforeReadable) {
  ASSERT_TRUE(driver.start());
  driver.add(0, {driver.in(1), header(type_in, 0)});
  kick();
  EXPECT_TRUE(driver.needs_reset());
}

TEST_F(BlockTest, HostErrorsBecomeStatus) {
  ASSERT_TRUE(driver.start());
  engine.fail_with = EIO;
  EXPECT_EQ(request(type_in, 0, {driver.in(512)}), status_ioerr);
  EXPECT_EQ(used->length, 0);  // the data was not written
  EXPECT_EQ(request(type_flush, 0, {}), status_ioerr);
  engine.fail_with = EOPNOTSUPP;
  EXPECT_EQ(request(type_discard, 0, {segment(0, 1, 0)}), status_unsupp);
}

TEST_F(BlockTest, CompletionsComeLater) {
  engine.immediate = false;
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(request(type_in, 0, {driver.in(512)}), -1);
  const auto first = status;
  EXPECT_EQ(request(type_in, 1, {driver.in(512)}), -1);
  EXPECT_EQ(engine.in_flight(), 2);
  EXPECT_FALSE(machine.irq.asserted());
  EXPECT_TRUE(engine.finish_one());
  engine.announce();
  EXPECT_TRUE(machine.irq.asserted());
  EXPECT_EQ(driver.used_count(0), 1);
  EXPECT_EQ(driver.text(first)[0], status_ok);
  EXPECT_EQ(driver.text(status)[0], '\xee');
  EXPECT_TRUE(engine.finish_one());
  engine.announce();
  EXPECT_EQ(driver.used_count(0), 2);
  engine.announce();  // one announcement too many finds nothing
  EXPECT_EQ(driver.used_count(0), 2);
}

TEST_F(BlockTest, ResetWaitsForTheDiskAndForgets) {
  engine.immediate = false;
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(request(type_in, 0, {driver.in(512)}), -1);
  const auto old = status;
  driver.set(spec::mmio::Status, 0);
  EXPECT_EQ(engine.in_flight(), 0);
  engine.announce();
  EXPECT_EQ(driver.text(old)[0], '\xee');
  engine.immediate = true;
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(request(type_in, 0, {driver.in(512)}), status_ok);
}

TEST_F(BlockTest, StoppingTheQueueForgetsToo) {
  engine.immediate = false;
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(request(type_in, 0, {driver.in(512)}), -1);
  driver.set(spec::mmio::QueueSel, 0);
  driver.set(spec::mmio::QueueReady, 0);
  EXPECT_EQ(engine.in_flight(), 0);
  engine.announce();
  EXPECT_EQ(driver.used_count(0), 0);
}

TEST_F(BlockTest, PauseFinishesWhatIsInFlight) {
  engine.immediate = false;
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(request(type_in, 0, {driver.in(512)}), -1);
  machine.transport.pause();
  EXPECT_EQ(answer(), status_ok);
  EXPECT_EQ(request(type_in, 0, {driver.in(512)}), -1);
  EXPECT_EQ(engine.in_flight(), 0);
  machine.transport.resume();
  machine.executor.run();
  EXPECT_EQ(engine.in_flight(), 1);
}

TEST_F(BlockTest, NotificationsOnAVcpuWaitForTheExecutor) {
  ASSERT_TRUE(driver.start());
  machine.executor.run();
  status = driver.in(1);
  driver.add(0, {header(type_flush, 0), status});
  for (int i = 0; i < 1000; ++i) driver.kick(0);
  EXPECT_TRUE(engine.log.empty());
  EXPECT_EQ(machine.executor.pending(), 1);
  machine.executor.run();
  EXPECT_EQ(answer(), status_ok);
}

TEST_F(BlockTest, FullQueueOfRequestsAndMore) {
  engine.immediate = false;
  ASSERT_TRUE(driver.start(driver.offered(), 8));
  for (int i = 0; i < 8; ++i) {
    status = driver.in(1);
    driver.add_indirect(0, {header(type_flush, 0), status});
  }
  kick();
  EXPECT_EQ(engine.in_flight(), 8);
  // The ninth reuses a descriptor that the device still holds.
  driver.add_indirect(0, {header(type_flush, 0), driver.in(1)});
  kick();
  EXPECT_TRUE(driver.needs_reset());
  engine.drain();
  engine.announce();
  EXPECT_EQ(driver.used_count(0), 8);
}

TEST_F(BlockTest, StateRoundTripDrains) {
  engine.immediate = false;
  ASSERT_TRUE(driver.start());
  EXPECT_EQ(request(type_in, 0, {driver.in(512)}), -1);
  StateWriter out;
  {
    std::lock_guard lock(machine.transport.mutex());
    machine.transport.save(out);
  }
  EXPECT_EQ(answer(), status_ok);

  block::FakeEngine other_engine{sectors * 512};
  Block other_disk(image, other_engine, "x");
  hv::FakeIrqLine irq;
  ManualExecutor executor;
  VirtioMmio other(other_disk, machine.ram, irq, executor, machine.log);
  StateReader in(out.bytes());
  ASSERT_TRUE(other.restore(in));
  // A request that nobody had taken up is taken up after the restore.
  request(type_flush, 0, {});
  executor.run();
  EXPECT_EQ(other_engine.log.size(), 1);

  block::FakeImage larger(sectors * 512 + 512);
  Block wrong_disk(larger, other_engine, "x");
  VirtioMmio wrong(wrong_disk, machine.ram, irq, executor, machine.log);
  StateReader again(out.bytes());
  EXPECT_FALSE(wrong.restore(again));
}

}  // namespace
}  // namespace pv::virtio
