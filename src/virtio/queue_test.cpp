// Queue, Chain, ChainReader and ChainWriter: the ring protocol, and each way of breaking it.
#include "virtio/queue.h"

#include <gtest/gtest.h>

#include "virtio/fake_driver.h"

namespace pv::virtio {
namespace {

// A device that leaves its queue to the test.
class IdleDevice final : public VirtioDevice {
 public:
  std::string_view name() const override { return "idle"; }
  u32 device_id() const override { return 42; }
  u64 features() const override { return spec::bit(3); }
  std::span<const u16> queue_sizes() const override { return sizes; }
  void read_config(u64 offset, MutableBytes into) const override { copy_config({}, offset, into); }
  void notify(u16) override {}
  void reset() override {}
  void save(StateWriter&) const override {}
  Result<void> restore(StateReader&) override { return {}; }

 private:
  static constexpr std::array<u16, 1> sizes = {64};
};

constexpr u64 ram_end = FakeMachine::ram_base + FakeMachine::ram_size;

class QueueTest : public ::testing::Test {
 protected:
  static constexpr u16 size = 8;

  void SetUp() override {
    // The driver is used for laying rings out; the queue under test is our own.
    driver.setup_queue(0, size);
    queue.setup() = {size, ring().descriptors, ring().avail, ring().used};
    ASSERT_TRUE(queue.enable(true, true));
  }
  FakeDriver::Ring& ring() { return driver.rings[0]; }
  // Expects the next pop() to break the queue, for good.
  void expect_fault(QueueFault fault) {
    EXPECT_FALSE(queue.pop(chain));
    EXPECT_EQ(queue.fault(), fault) << describe(queue.fault());
    EXPECT_FALSE(queue.pop(chain));
  }
  QueueFault fault_of(QueueSetup setup) {
    Queue fresh(machine.ram, 64);
    fresh.setup() = setup;
    const bool enabled = fresh.enable(true, true);
    EXPECT_EQ(enabled, fresh.fault() == QueueFault::none);
    EXPECT_EQ(fresh.ready(), fresh.fault() == QueueFault::none);
    return fresh.fault();
  }

  IdleDevice device;
  FakeMachine machine{device};
  FakeDriver& driver = machine.driver;
  Queue queue{machine.ram, 64};
  Chain chain;
};

TEST_F(QueueTest, EmptyQueueHasNothing) {
  EXPECT_FALSE(queue.pop(chain));
  EXPECT_EQ(queue.fault(), QueueFault::none);
  EXPECT_FALSE(queue.take_interrupt());
}

TEST_F(QueueTest, ChainHasReadableThenWritable) {
  const auto out1 = driver.out("abc");
  const auto out2 = driver.out("defgh");
  const auto in = driver.in(4);
  const u16 head = driver.add(0, {out1, out2, in});
  ASSERT_TRUE(queue.pop(chain));
  EXPECT_EQ(chain.head(), head);
  EXPECT_EQ(chain.readable_bytes(), 8);
  EXPECT_EQ(chain.writable_bytes(), 4);
  EXPECT_EQ(chain.readable().size(), 2);
  EXPECT_EQ(chain.writable().size(), 1);
  EXPECT_EQ(queue.in_flight(), 1);

  char text[9] = {};
  ChainReader reader(chain);
  EXPECT_EQ(reader.read(MutableBytes(reinterpret_cast<u8*>(text), 8)), 8);
  EXPECT_STREQ(text, "abcdefgh");
  ChainWriter writer(chain);
  EXPECT_EQ(writer.write(Bytes(reinterpret_cast<const u8*>("wxyz!"), 5)), 4);
  queue.push(chain.head(), writer.position());
  EXPECT_EQ(driver.text(in), "wxyz");
  const auto used = driver.used(0);
  ASSERT_TRUE(used);
  EXPECT_EQ(used->id, head);
  EXPECT_EQ(used->length, 4);
  EXPECT_EQ(queue.in_flight(), 0);
  EXPECT_FALSE(driver.used(0));
}

TEST_F(QueueTest, StructuresMaySplitAnywhere) {
  // A 16-byte header and an 8-byte answer in every split of two pieces.
  for (u32 cut = 0; cut <= 16; ++cut) {
    const std::string header = "0123456789abcdef";
    const auto a = driver.out(std::string_view(header).substr(0, cut));
    const auto b = driver.out(std::string_view(header).substr(cut));
    const auto c = driver.in(cut % 9);
    const auto d = driver.in(8 - cut % 9);
    driver.add(0, {a, b, c, d});
    ASSERT_TRUE(queue.pop(chain)) << cut;
    std::array<char, 16> got{};
    ChainReader reader(chain);
    ASSERT_TRUE(reader.read(got));
    EXPECT_EQ(std::string(got.data(), 16), header);
    EXPECT_FALSE(reader.read(got));
    ChainWriter writer(chain);
    EXPECT_TRUE(writer.write(std::array<char, 8>{'a', 'n', 's', 'w', 'e', 'r', '!', '?'}));
    EXPECT_FALSE(writer.write(u8{0}));
    EXPECT_EQ(driver.text(c) + driver.text(d), "answer!?");
    queue.push(chain.head(), 8);
  }
}

TEST_F(QueueTest, CollectGivesIovecsOfTheMiddle) {
  driver.add(0, {driver.out("abcd"), driver.out("efgh"), driver.out("ijkl")});
  ASSERT_TRUE(queue.pop(chain));
  ChainReader reader(chain);
  EXPECT_EQ(reader.skip(2), 2);
  std::vector<iovec> pieces;
  EXPECT_FALSE(reader.collect(11, pieces));
  EXPECT_TRUE(pieces.empty());
  ASSERT_TRUE(reader.collect(7, pieces));
  std::string text;
  for (const iovec& piece : pieces) text.append(static_cast<char*>(piece.iov_base), piece.iov_len);
  EXPECT_EQ(text, "cdefghi");
  EXPECT_EQ(pieces.size(), 3);
  EXPECT_EQ(reader.remaining(), 3);
  EXPECT_EQ(reader.skip(100), 3);
}

TEST_F(QueueTest, EmptyBuffersAreAllowedAnywhere) {
  driver.add(0, {{ram_end + 4096, 0, false}, driver.out("x"), {0, 0, true}, driver.in(1)});
  ASSERT_TRUE(queue.pop(chain));
  EXPECT_EQ(chain.readable_bytes(), 1);
  EXPECT_EQ(chain.writable_bytes(), 1);
}

TEST_F(QueueTest, RingsWrapManyTimes) {
  for (u32 i = 0; i < 70000; ++i) {
    const u16 head = static_cast<u16>(i % size);
    driver.write_descriptor(0, head, FakeMachine::ram_base, 1, 0, 0);
    driver.publish(0, head);
    ASSERT_TRUE(queue.pop(chain)) << i;
    ASSERT_EQ(chain.head(), head);
    queue.push(head, i);
    const auto used = driver.used(0);
    ASSERT_TRUE(used);
    ASSERT_EQ(used->length, i);
  }
}

TEST_F(QueueTest, FullQueueInOneGo) {
  for (u16 i = 0; i < size; ++i) driver.add(0, {driver.in(1)});
  for (u16 i = 0; i < size; ++i) ASSERT_TRUE(queue.pop(chain));
  EXPECT_FALSE(queue.pop(chain));
  EXPECT_EQ(queue.fault(), QueueFault::none);
  EXPECT_EQ(queue.in_flight(), size);
}

TEST_F(QueueTest, IndirectTable) {
  std::vector<FakeDriver::Piece> pieces;
  for (int i = 0; i < 100; ++i) pieces.push_back(driver.out("0123456789"));
  pieces.push_back(driver.in(5));
  driver.add_indirect(0, pieces);  // longer than the queue
  ASSERT_TRUE(queue.pop(chain));
  EXPECT_EQ(chain.readable_bytes(), 1000);
  EXPECT_EQ(chain.writable_bytes(), 5);
}

TEST_F(QueueTest, IndirectAfterDirectDescriptors) {
  const auto first = driver.out("first");
  const auto second = driver.out("second");
  const u64 table = driver.allocate(16);
  driver.put_as(table, spec::Descriptor{second.address, second.length, u16{0}, u16{0}});
  driver.write_descriptor(0, 0, first.address, first.length, spec::desc_next, 1);
  // The write flag of the descriptor that names a table means nothing (2.7.5.3.2).
  driver.write_descriptor(0, 1, table, 16, spec::desc_indirect | spec::desc_write, 0);
  driver.publish(0, 0);
  ASSERT_TRUE(queue.pop(chain));
  EXPECT_EQ(chain.readable_bytes(), 11);
}

// --- set-ups that cannot be

TEST_F(QueueTest, SizeMustBeAPowerOfTwoUpToTheMaximum) {
  const QueueSetup good = queue.setup();
  for (const u32 bad : {0u, 3u, 6u, 65u, 128u, 32768u, 65536u, 0x8000'0000u, 0xffff'ffffu}) {
    QueueSetup setup = good;
    setup.size = bad;
    EXPECT_EQ(fault_of(setup), QueueFault::bad_size) << bad;
  }
  for (const u32 fine : {1u, 2u, 8u, 64u}) {
    QueueSetup setup = good;
    setup.size = fine;
    EXPECT_EQ(fault_of(setup), QueueFault::none) << fine;
  }
}

TEST_F(QueueTest, RingsMustBeAligned) {
  QueueSetup setup = queue.setup();
  setup.descriptors += 8;
  EXPECT_EQ(fault_of(setup), QueueFault::misaligned);
  setup = queue.setup();
  setup.avail += 1;
  EXPECT_EQ(fault_of(setup), QueueFault::misaligned);
  setup = queue.setup();
  setup.used += 2;
  EXPECT_EQ(fault_of(setup), QueueFault::misaligned);
}

TEST_F(QueueTest, RingsMustLieInRamWhole) {
  for (u64 QueueSetup::* part : {&QueueSetup::descriptors, &QueueSetup::avail, &QueueSetup::used}) {
    for (const u64 bad :
         {u64{0}, FakeMachine::ram_base - 16, ram_end, ram_end - 16, u64{1} << 40, ~u64{15}}) {
      QueueSetup setup = queue.setup();
      setup.*part = bad;
      EXPECT_EQ(fault_of(setup), QueueFault::outside_ram) << bad;
    }
  }
  QueueSetup setup = queue.setup();
  setup.used = ram_end - 72;  // 4-byte aligned, 6 + 64 bytes: fits to the end
  EXPECT_EQ(fault_of(setup), QueueFault::none);
}

TEST_F(QueueTest, UnsetAddressesAreOutsideRam) {
  EXPECT_EQ(fault_of({8, 0, 0, 0}), QueueFault::outside_ram);
}

// --- rings that lie

TEST_F(QueueTest, AvailIndexMayNotJump) {
  driver.put_as(ring().avail + 2, Le16(size + 1));
  expect_fault(QueueFault::avail_jump);
}

TEST_F(QueueTest, AvailIndexMayNotGoBack) {
  driver.add(0, {driver.in(1)});
  ASSERT_TRUE(queue.pop(chain));
  driver.put_as(ring().avail + 2, Le16(0));
  expect_fault(QueueFault::avail_jump);
}

TEST_F(QueueTest, NoMoreInFlightThanDescriptors) {
  for (u16 i = 0; i < size; ++i) driver.add(0, {driver.in(1)});
  for (u16 i = 0; i < size; ++i) ASSERT_TRUE(queue.pop(chain));
  driver.add(0, {driver.in(1)});
  expect_fault(QueueFault::too_many_in_flight);
}

TEST_F(QueueTest, HeadOutsideTheTable) {
  driver.publish(0, size);
  expect_fault(QueueFault::bad_index);
}

TEST_F(QueueTest, NextOutsideTheTable) {
  driver.write_descriptor(0, 0, FakeMachine::ram_base, 1, spec::desc_next, 0xffff);
  driver.publish(0, 0);
  expect_fault(QueueFault::bad_index);
}

TEST_F(QueueTest, ChainThatPointsAtItself) {
  driver.write_descriptor(0, 3, FakeMachine::ram_base, 1, spec::desc_next, 3);
  driver.publish(0, 3);
  expect_fault(QueueFault::chain_too_long);
}

TEST_F(QueueTest, ChainThatLoopsThroughEmptyBuffers) {
  driver.write_descriptor(0, 0, 0, 0, spec::desc_next, 1);
  driver.write_descriptor(0, 1, 0, 0, spec::desc_next, 0);
  driver.publish(0, 0);
  expect_fault(QueueFault::chain_too_long);
}

TEST_F(QueueTest, ChainOfAllDescriptorsIsTheLongest) {
  std::vector<FakeDriver::Piece> pieces(size, driver.in(1));
  driver.add(0, pieces);
  ASSERT_TRUE(queue.pop(chain));
  EXPECT_EQ(chain.writable_bytes(), size);
}

TEST_F(QueueTest, BufferOutsideRam) {
  for (const auto& bad :
       std::vector<FakeDriver::Piece>{{0, 1, false},
                                      {ram_end, 1, true},
                                      {ram_end - 1, 2, true},
                                      {FakeMachine::ram_base - 1, 2, false},
                                      {~u64{0}, 1, false},
                                      {~u64{0} - 3, 0xffff'ffff, true},
                                      {FakeMachine::ram_base, 0xffff'ffff, true}}) {
    queue.disable();
    ASSERT_TRUE(queue.enable(true, true));
    driver.put_as(ring().avail + 2, Le16(0));
    ring().avail_index = 0;
    driver.add(0, {bad});
    expect_fault(QueueFault::buffer_outside_ram);
  }
}

TEST_F(QueueTest, ReadableAfterWritable) {
  driver.add(0, {driver.in(1), driver.out("x")});
  expect_fault(QueueFault::readable_after_writable);
}

// 1024 pieces of 4 MiB each, all the same memory: the longest chain and the largest.
TEST_F(QueueTest, ChainOfFourGiB) {
  const FakeDriver::Piece all{FakeMachine::ram_base, FakeMachine::ram_size, true};
  driver.add_indirect(0, std::vector(1024, all));
  ASSERT_TRUE(queue.pop(chain));
  EXPECT_EQ(chain.writable_bytes(), 4_GiB);
  queue.push(chain.head(), chain.writable_bytes());
  EXPECT_EQ(driver.used(0)->length, 0xffff'ffff);
  driver.add_indirect(0, std::vector(1025, driver.in(1)));
  expect_fault(QueueFault::chain_too_long);
}

TEST_F(QueueTest, ChainOneByteAboveFourGiB) {
  const FakeDriver::Piece all{FakeMachine::ram_base, FakeMachine::ram_size, true};
  driver.add_indirect(0, std::vector(1024, all));
  const auto table = driver.peek_as<spec::Descriptor>(ring().descriptors);
  // One direct descriptor in front of the table holds the byte too many.
  driver.write_descriptor(0, 0, FakeMachine::ram_base, 1, spec::desc_next, 1);
  driver.put_as(ring().descriptors + 16, table);
  expect_fault(QueueFault::chain_too_big);
}

// --- indirect tables that lie

TEST_F(QueueTest, IndirectOnlyWhenNegotiated) {
  ASSERT_TRUE(queue.enable(false, true));
  driver.add_indirect(0, {driver.in(1)});
  expect_fault(QueueFault::indirect_not_negotiated);
}

TEST_F(QueueTest, IndirectInsideIndirect) {
  const u64 table = driver.allocate(32);
  driver.put_as(table, spec::Descriptor{table, u32{16}, u16{spec::desc_indirect}, u16{0}});
  driver.write_descriptor(0, 0, table, 32, spec::desc_indirect, 0);
  driver.publish(0, 0);
  expect_fault(QueueFault::indirect_nested);
}

TEST_F(QueueTest, IndirectWithNext) {
  const u64 table = driver.allocate(16);
  driver.put_as(table, spec::Descriptor{table, u32{1}, u16{0}, u16{0}});
  driver.write_descriptor(0, 0, table, 16, spec::desc_indirect | spec::desc_next, 1);
  driver.publish(0, 0);
  expect_fault(QueueFault::indirect_with_next);
}

TEST_F(QueueTest, IndirectLength) {
  for (const u32 bad : {0u, 1u, 15u, 17u, 31u, 0xffff'ffffu}) {
    ASSERT_TRUE(queue.enable(true, true));
    ring().avail_index = 0;
    driver.write_descriptor(0, 0, FakeMachine::ram_base, bad, spec::desc_indirect, 0);
    driver.publish(0, 0);
    expect_fault(QueueFault::indirect_bad_length);
  }
}

TEST_F(QueueTest, IndirectOutsideRam) {
  driver.write_descriptor(0, 0, ram_end - 16, 32, spec::desc_indirect, 0);
  driver.publish(0, 0);
  expect_fault(QueueFault::indirect_outside_ram);
}

TEST_F(QueueTest, IndirectNextOutsideItsTable) {
  const u64 table = driver.allocate(32);
  driver.put_as(table, spec::Descriptor{table, u32{1}, u16{spec::desc_next}, u16{2}});
  driver.write_descriptor(0, 0, table, 32, spec::desc_indirect, 0);
  driver.publish(0, 0);
  expect_fault(QueueFault::bad_index);
}

TEST_F(QueueTest, IndirectLoop) {
  const u64 table = driver.allocate(32);
  driver.put_as(table, spec::Descriptor{table, u32{1}, u16{spec::desc_next}, u16{1}});
  driver.put_as(table + 16, spec::Descriptor{table, u32{1}, u16{spec::desc_next}, u16{0}});
  driver.write_descriptor(0, 0, table, 32, spec::desc_indirect, 0);
  driver.publish(0, 0);
  expect_fault(QueueFault::chain_too_long);
}

// --- interrupts and notifications

TEST_F(QueueTest, InterruptFlagWithoutEventIdx) {
  ASSERT_TRUE(queue.enable(true, false));
  driver.add(0, {driver.in(1)});
  ASSERT_TRUE(queue.pop(chain));
  EXPECT_FALSE(queue.take_interrupt());  // nothing used yet
  queue.push(chain.head(), 0);
  EXPECT_TRUE(queue.take_interrupt());
  EXPECT_FALSE(queue.take_interrupt());  // settled
  driver.put_as(ring().avail, Le16(spec::avail_no_interrupt));
  driver.add(0, {driver.in(1)});
  ASSERT_TRUE(queue.pop(chain));
  queue.push(chain.head(), 0);
  EXPECT_FALSE(queue.take_interrupt());
}

TEST_F(QueueTest, InterruptOnlyWhenTheEventIsPassed) {
  driver.set_used_event(0, 2);  // after the third
  for (int i = 0; i < 4; ++i) {
    driver.add(0, {driver.in(1)});
    ASSERT_TRUE(queue.pop(chain));
    queue.push(chain.head(), 0);
    EXPECT_EQ(queue.take_interrupt(), i == 2) << i;
  }
  // A batch that passes the event counts once.
  driver.set_used_event(0, 5);
  for (int i = 0; i < 3; ++i) driver.add(0, {driver.in(1)});
  while (queue.pop(chain)) queue.push(chain.head(), 0);
  EXPECT_TRUE(queue.take_interrupt());
  EXPECT_FALSE(queue.take_interrupt());
  // The flag means nothing when event indices are used (2.7.7.2).
  driver.put_as(ring().avail, Le16(spec::avail_no_interrupt));
  driver.set_used_event(0, 7);
  driver.add(0, {driver.in(1)});
  ASSERT_TRUE(queue.pop(chain));
  queue.push(chain.head(), 0);
  EXPECT_TRUE(queue.take_interrupt());
}

TEST_F(QueueTest, NotificationIsAskedForOnlyWhenEmpty) {
  driver.add(0, {driver.in(1)});
  EXPECT_TRUE(driver.kick_wanted(0));  // the first one
  ASSERT_TRUE(queue.pop(chain));
  driver.add(0, {driver.in(1)});
  EXPECT_FALSE(driver.kick_wanted(0));  // the device has not seen the end
  ASSERT_TRUE(queue.pop(chain));
  EXPECT_FALSE(queue.pop(chain));
  driver.add(0, {driver.in(1)});
  EXPECT_TRUE(driver.kick_wanted(0));
}

// --- life cycle and state

TEST_F(QueueTest, DisableKeepsTheSetUpAndForgetsTheRest) {
  driver.add(0, {driver.in(1)});
  ASSERT_TRUE(queue.pop(chain));
  const u64 used = queue.setup().used;
  queue.disable();
  EXPECT_FALSE(queue.ready());
  EXPECT_FALSE(queue.pop(chain));
  EXPECT_EQ(queue.setup().used, used);
  EXPECT_EQ(queue.in_flight(), 0);
  queue.reset();
  EXPECT_EQ(queue.setup().used, 0);
}

TEST_F(QueueTest, StateRoundTrip) {
  for (int i = 0; i < 3; ++i) {
    driver.add(0, {driver.in(1)});
    ASSERT_TRUE(queue.pop(chain));
    queue.push(chain.head(), 0);
  }
  EXPECT_FALSE(queue.pop(chain));
  StateWriter out;
  queue.save(out);
  Queue copy(machine.ram, 64);
  StateReader in(out.bytes());
  ASSERT_TRUE(copy.restore(in, true, true));
  EXPECT_EQ(in.remaining(), 0);
  StateWriter again;
  copy.save(again);
  EXPECT_EQ(out.take(), again.take());
  driver.add(0, {driver.in(7)});
  ASSERT_TRUE(copy.pop(chain));
  EXPECT_EQ(chain.writable_bytes(), 7);
  copy.push(chain.head(), 0);
  EXPECT_EQ(driver.used_count(0), 4);
}

TEST_F(QueueTest, StateThatDoesNotFitIsRefused) {
  StateWriter out;
  queue.save(out);
  const std::vector<u8> good = out.take();
  for (usize size_left = 0; size_left < good.size(); ++size_left) {
    Queue copy(machine.ram, 64);
    StateReader in(Bytes(good).first(size_left));
    EXPECT_FALSE(copy.restore(in, true, true)) << size_left;
  }
  Queue small(machine.ram, 4);
  StateReader in(good);
  EXPECT_FALSE(small.restore(in, true, true));
}

}  // namespace
}  // namespace pv::virtio
