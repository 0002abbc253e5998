#include <gtest/gtest.h>

#include <thread>

#include "trace/compare.h"
#include "trace/reader.h"
#include "trace/ring.h"

namespace pv::trace {
namespace {

using Blob = std::vector<u8>;

template <class T>
void append(Blob& blob, const T& value) {
  const u8* bytes = reinterpret_cast<const u8*>(&value);
  blob.insert(blob.end(), bytes, bytes + sizeof value);
}

Blob header(Kind kind = Kind::exits, u16 vcpus = 1) {
  Header h{};
  std::memcpy(h.magic, magic, sizeof h.magic);
  h.version = version;
  h.header_size = static_cast<u32>(sizeof h);
  h.arch = number_of(Arch::aarch64);
  h.kind = static_cast<u8>(kind);
  h.vcpus = vcpus;
  h.record_size = static_cast<u32>(sizeof(Record));
  Blob blob;
  append(blob, h);
  return blob;
}

Record record(Cause cause, u64 time, u64 pc, u64 address = 0, u64 value = 0, u16 vcpu = 0) {
  Record r{};
  r.time_ns = time;
  r.pc = pc;
  r.address = address;
  r.value = value;
  r.cause = static_cast<u8>(cause);
  r.width = 4;
  r.flags = has_pc | has_value;
  r.vcpu = vcpu;
  return r;
}

// The accesses of a made-up run, each at the next microsecond.
Trace run(std::initializer_list<std::pair<u64, u64>> pc_and_value, u64 start = 0) {
  Blob blob = header();
  u64 time = start;
  for (auto [pc, value] : pc_and_value)
    append(blob, record(Cause::mmio_write, time += 1000, pc, 0x9000000, value));
  auto trace = parse(blob, "made");
  EXPECT_TRUE(trace);
  return *std::move(trace);
}

TEST(Reader, RoundTripOfEverything) {
  Blob blob = header(Kind::steps, 2);
  append(blob, record(Cause::mmio_read, 5, 0x1000, 0x9000018, 0x41));
  Record step = record(Cause::step, 3, 0x1004, 0, 0, 1);
  step.extra = 2;
  append(blob, step);
  for (u16 i : {u16{0}, u16{31}}) {
    StepRegister change{};
    change.index = i;
    change.value = 100u + i;
    append(blob, change);
  }
  append(blob, record(Cause::mark, 9, 0, 0, 1));
  auto trace = parse(blob, "t");
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->arch, Arch::aarch64);
  EXPECT_EQ(trace->kind, Kind::steps);
  ASSERT_EQ(trace->vcpus.size(), 2u);
  ASSERT_EQ(trace->vcpus[0].size(), 2u);
  EXPECT_EQ(trace->vcpus[0][0].address, 0x9000018u);
  EXPECT_EQ(trace->vcpus[0][0].width, 4);
  ASSERT_EQ(trace->vcpus[1].size(), 1u);
  const auto changes = trace->changes_of(trace->vcpus[1][0]);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[1], (Change{31, 131}));
  const auto ordered = trace->in_time();
  ASSERT_EQ(ordered.size(), 3u);
  EXPECT_EQ(ordered[0]->cause, Cause::step);
  EXPECT_EQ(ordered[2]->cause, Cause::mark);
  EXPECT_FALSE(trace->cut);
}

TEST(Reader, RefusesWhatIsNoTrace) {
  EXPECT_FALSE(parse({}, "t"));
  EXPECT_FALSE(parse(Blob(64), "t"));
  Blob newer = header();
  newer[8] = 2;
  auto refused = parse(newer, "t");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("version 2"), std::string::npos);
  Blob nobody = header();
  append(nobody, record(Cause::mmio_read, 0, 0, 0, 0, 7));
  EXPECT_FALSE(parse(nobody, "t"));
}

TEST(Reader, SaysWhatIsDamaged) {
  Blob sizes = header();
  sizes[20] = 48;  // record_size
  const auto refused = parse(sizes, "t");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("version 1, this"), std::string::npos);
  EXPECT_NE(refused.error().message.find("have 48 bytes"), std::string::npos)
      << refused.error().message;

  Blob steps = header(Kind::steps);
  steps[32] = 34;  // registers
  Record step = record(Cause::step, 1, 0x1000);
  step.extra = 1;
  append(steps, step);
  StepRegister change{};
  change.index = 34;
  append(steps, change);
  const auto damaged = parse(steps, "t");
  ASSERT_FALSE(damaged);
  EXPECT_NE(damaged.error().message.find("no register 34"), std::string::npos)
      << damaged.error().message;
  steps[sizeof(Header) + sizeof(Record)] = 33;
  EXPECT_TRUE(parse(steps, "t"));
}

TEST(Reader, ACutEndIsToldAndTheRestRead) {
  Blob blob = header();
  append(blob, record(Cause::mmio_read, 1, 2));
  append(blob, record(Cause::mmio_read, 3, 4));
  blob.resize(blob.size() - 1);
  auto trace = parse(blob, "t");
  ASSERT_TRUE(trace);
  EXPECT_TRUE(trace->cut);
  EXPECT_EQ(trace->events(), 1u);
}

TEST(Ring, GivesWhatWasPutInOrder) {
  Ring ring(1024);
  Blob taken;
  for (u64 round = 0; round < 100; ++round) {
    for (u64 i = 0; i < 7; ++i) EXPECT_TRUE(ring.put(record(Cause::mmio_read, round * 7 + i, 0)));
    ring.take(taken);
  }
  ASSERT_EQ(taken.size(), 700 * sizeof(Record));
  for (u64 i = 0; i < 700; ++i)
    EXPECT_EQ(u64{load_as<Record>(taken, i * sizeof(Record)).time_ns}, i);
  EXPECT_EQ(ring.lost(), 0u);
}

TEST(Ring, CountsAndTellsWhatItDropped) {
  Ring ring(256);  // six records
  for (u64 i = 0; i < 10; ++i) ring.put(record(Cause::mmio_read, i, 0, 0, 0, 3));
  EXPECT_EQ(ring.lost(), 4u);
  Blob taken;
  ring.take(taken);
  EXPECT_EQ(taken.size(), 6 * sizeof(Record));
  EXPECT_TRUE(ring.put(record(Cause::mmio_read, 50, 0)));
  taken.clear();
  ring.take(taken);
  ASSERT_EQ(taken.size(), 2 * sizeof(Record));
  const auto gap = load_as<Record>(taken, 0);
  EXPECT_EQ(gap.cause, static_cast<u8>(Cause::lost));
  EXPECT_EQ(u64{gap.value}, 4u);
}

TEST(Ring, TwoThreads) {
  Ring ring(512);
  constexpr u64 count = 20'000;
  std::thread producer([&] {
    for (u64 i = 0; i < count;) i += ring.put(record(Cause::mmio_read, i, i * 3)) ? 1 : 0;
  });
  Blob taken;
  u64 next = 0;
  while (next < count) {
    taken.clear();
    ring.take(taken);
    for (usize at = 0; at < taken.size(); at += sizeof(Record)) {
      const auto r = load_as<Record>(taken, at);
      if (r.cause == static_cast<u8>(Cause::lost)) continue;
      ASSERT_EQ(u64{r.time_ns}, next);
      ASSERT_EQ(u64{r.pc}, next * 3);
      ++next;
    }
  }
  producer.join();
}

TEST(Compare, AlikeWhateverTheTime) {
  const Trace a = run({{1, 10}, {2, 20}, {3, 30}});
  const Trace b = run({{1, 10}, {2, 20}, {3, 30}}, 5'000'000);
  const Comparison comparison = compare(a, b, {});
  EXPECT_FALSE(comparison.first);
  EXPECT_EQ(comparison.alike, 3u);
}

TEST(Compare, FindsTheFirstAndGoesOn) {
  const Trace a = run({{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 6}, {7, 7}, {8, 8}});
  const Trace changed = run({{1, 1}, {2, 2}, {3, 99}, {4, 4}, {5, 5}, {6, 6}, {7, 7}, {8, 8}});
  Comparison comparison = compare(a, changed, {});
  ASSERT_EQ(comparison.differences.size(), 1u);
  EXPECT_EQ(comparison.differences[0].a, 2u);
  EXPECT_EQ(comparison.differences[0].a_end, 3u);
  EXPECT_EQ(comparison.differences[0].b_end, 3u);
  EXPECT_EQ(comparison.alike, 7u);
  EXPECT_FALSE(compare(a, changed, {.value = false}).first);

  const Trace inserted =
      run({{1, 1}, {2, 2}, {50, 0}, {51, 0}, {3, 3}, {4, 4}, {5, 5}, {6, 6}, {7, 7}, {8, 8}});
  comparison = compare(a, inserted, {});
  ASSERT_EQ(comparison.differences.size(), 1u);
  EXPECT_EQ(comparison.differences[0].a, comparison.differences[0].a_end);
  EXPECT_EQ(comparison.differences[0].b_end - comparison.differences[0].b, 2u);
  EXPECT_EQ(comparison.alike, 8u);

  const Trace shorter = run({{1, 1}, {2, 2}, {3, 3}});
  comparison = compare(a, shorter, {});
  ASSERT_EQ(comparison.differences.size(), 1u);
  EXPECT_EQ(comparison.differences[0].a, 3u);
  EXPECT_EQ(comparison.differences[0].a_end, 8u);
  EXPECT_FALSE(comparison.stopped);
}

TEST(Compare, WhatNeverMeetsAgainIsSaid) {
  const Trace a = run({{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 6}});
  const Trace b = run({{1, 1}, {12, 2}, {13, 3}, {14, 4}, {15, 5}, {16, 6}});
  const Comparison comparison = compare(a, b, {});
  ASSERT_EQ(comparison.differences.size(), 1u);
  EXPECT_TRUE(comparison.stopped);
  EXPECT_EQ(comparison.differences[0].a, 1u);
}

TEST(Compare, TheFirstInTimeOfAllVcpus) {
  Blob of_a = header(Kind::exits, 2), of_b = header(Kind::exits, 2);
  append(of_a, record(Cause::mmio_read, 100, 1, 0, 0, 0));
  append(of_b, record(Cause::mmio_read, 100, 9, 0, 0, 0));
  append(of_a, record(Cause::mmio_read, 50, 1, 0, 0, 1));
  append(of_b, record(Cause::mmio_read, 50, 9, 0, 0, 1));
  const auto a = parse(of_a, "a"), b = parse(of_b, "b");
  ASSERT_TRUE(a && b);
  const Comparison comparison = compare(*a, *b, {});
  ASSERT_EQ(comparison.differences.size(), 2u);
  ASSERT_TRUE(comparison.first);
  EXPECT_EQ(comparison.differences[*comparison.first].vcpu, 1);
}

TEST(Compare, HostsInterruptionsCountOnlyWhenAsked) {
  Blob of_a = header(), of_b = header();
  append(of_a, record(Cause::mmio_read, 1, 1));
  append(of_b, record(Cause::mmio_read, 1, 1));
  append(of_b, record(Cause::interrupted, 2, 2));
  const auto a = parse(of_a, "a"), b = parse(of_b, "b");
  EXPECT_FALSE(compare(*a, *b, {}).first);
  EXPECT_TRUE(compare(*a, *b, {.interrupted = true}).first);
}

TEST(Compare, RegistersFollowTheSteps) {
  Blob blob = header(Kind::steps);
  const auto add = [&](u64 time, std::initializer_list<Change> changes) {
    Record step = record(Cause::step, time, time);
    step.extra = static_cast<u8>(changes.size());
    append(blob, step);
    for (const Change& change : changes) {
      StepRegister r{};
      r.index = change.index;
      r.value = change.value;
      append(blob, r);
    }
  };
  add(1, {{0, 5}, {2, 7}});
  add(2, {{0, 6}});
  const auto trace = parse(blob, "t");
  ASSERT_TRUE(trace);
  const Comparison self = compare(*trace, *trace, {});
  const auto before = registers_after(*trace, self.a[0], 1);
  ASSERT_EQ(before.size(), 3u);
  EXPECT_EQ(before[0].value, 5u);
  EXPECT_FALSE(before[1].known);
  EXPECT_EQ(registers_after(*trace, self.a[0], 2)[0].value, 6u);
}

}  // namespace
}  // namespace pv::trace
