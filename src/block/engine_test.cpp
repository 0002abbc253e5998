// Both engines on real files, used as a device uses them: a loop on its own thread, one mutex
// around every call. What this host cannot do is skipped.
#include "block/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "block/file_io.h"
#include "block/test_file.h"
#include "block/uring.h"

namespace pv::block {
namespace {

using Kind = Operation::Kind;

class EngineTest : public ::testing::TestWithParam<EngineKind> {
 protected:
  static constexpr u64 size = 1_MiB;

  void SetUp() override { open({}); }
  void TearDown() override { close(); }

  void open(RawOptions options) {
    close();
    auto opened = RawImage::open(file.path(), options);
    if (!opened && options.direct) GTEST_SKIP() << opened.error().message;
    ASSERT_TRUE(opened) << opened.error().message;
    image = std::make_unique<RawImage>(*std::move(opened));
    loop = *loop::EventLoop::create();
    engine = create_engine(GetParam(), *image, *loop, log);
    engine->on_ready([this] {
      std::lock_guard lock(mutex);
      take();
    });
    thread = std::thread([this] { EXPECT_TRUE(loop->run()); });
    if (GetParam() == EngineKind::uring && engine->name() != "io_uring")
      GTEST_SKIP() << "this host has no io_uring";
  }
  void close() {
    if (!engine) return;
    {
      std::lock_guard lock(mutex);
      engine->drain();
    }
    loop->stop();
    thread.join();
    engine.reset();
    loop.reset();
    image.reset();
  }

  void take() {
    done.clear();
    engine->take(done);
    for (const Completion& c : done) {
      EXPECT_FALSE(results.contains(c.token)) << "finished twice";
      results[c.token] = c.error;
    }
    arrived.notify_all();
  }
  void start(std::vector<Operation> operations) {
    {
      std::lock_guard lock(mutex);
      results.clear();
    }
    loop->post([this, operations = std::move(operations)] {
      std::lock_guard lock(mutex);
      u32 token = 100;
      for (Operation operation : operations) {
        operation.token = token++;
        engine->submit(operation);
      }
      engine->commit();
      submitted = true;
      take();
    });
  }
  // Submits all at once, waits for all; the errors in order of submission.
  std::vector<int> run(std::vector<Operation> operations) {
    const usize count = operations.size();
    start(std::move(operations));
    std::unique_lock lock(mutex);
    EXPECT_TRUE(
        arrived.wait_for(lock, std::chrono::seconds(60), [&] { return results.size() == count; }));
    std::vector<int> errors;
    for (const auto& [token, error] : results) errors.push_back(error);
    return errors;
  }
  int run_one(Operation operation) { return run({operation}).at(0); }

  Operation transfer(Kind kind, std::vector<iovec> pieces, u64 offset) {
    vectors.push_back(std::move(pieces));
    Operation operation{.kind = kind, .offset = offset, .buffers = vectors.back()};
    for (const iovec& piece : vectors.back()) operation.length += piece.iov_len;
    return operation;
  }
  Operation read_into(std::string& text, u64 offset) {
    return transfer(Kind::read, {{text.data(), text.size()}}, offset);
  }
  Operation write_from(std::string& text, u64 offset) {
    return transfer(Kind::write, {{text.data(), text.size()}}, offset);
  }

  TestFile file{size};
  Log log{-1, LogLevel::error};
  std::unique_ptr<loop::EventLoop> loop;
  std::unique_ptr<RawImage> image;
  std::unique_ptr<Engine> engine;
  std::thread thread;
  std::mutex mutex;  // the device's
  std::condition_variable arrived;
  std::vector<Completion> done;
  std::map<u32, int> results;
  bool submitted = false;
  std::deque<std::vector<iovec>> vectors;
};

TEST_P(EngineTest, WriteFlushRead) {
  std::string text(8192, 'w');
  EXPECT_EQ(run_one(write_from(text, 4096)), 0);
  EXPECT_EQ(run_one({.kind = Kind::flush}), 0);
  EXPECT_EQ(file.content(4096, 8192), text);
  std::string back(8192, ' ');
  EXPECT_EQ(run_one(read_into(back, 4096)), 0);
  EXPECT_EQ(back, text);
}

TEST_P(EngineTest, ManyPiecesAtOnce) {
  file.fill(0, "abcdefghijklmnop");
  std::string a(1, ' '), b(7, ' '), c(8, ' ');
  EXPECT_EQ(run_one(transfer(Kind::read, {{a.data(), 1}, {b.data(), 7}, {c.data(), 8}}, 0)), 0);
  EXPECT_EQ(a + b + c, "abcdefghijklmnop");
}

TEST_P(EngineTest, ManyOperationsAtOnce) {
  // More than a ring holds.
  std::vector<std::string> texts;
  std::vector<Operation> operations;
  for (int i = 0; i < 300; ++i) texts.emplace_back(512, static_cast<char>('a' + i % 26));
  for (int i = 0; i < 300; ++i) operations.push_back(write_from(texts[i], 512u * i));
  EXPECT_EQ(run(operations), std::vector<int>(300, 0));
  for (int i = 0; i < 300; ++i) ASSERT_EQ(file.content(512u * i, 512), texts[i]) << i;
}

TEST_P(EngineTest, DurableWrite) {
  std::string text(512, 'd');
  Operation operation = write_from(text, 0);
  operation.durable = true;
  EXPECT_EQ(run_one(operation), 0);
  EXPECT_EQ(file.content(0, 512), text);
}

TEST_P(EngineTest, FileThatShrinksGivesErrors) {
  file.truncate(4096);
  std::string text(1024, ' ');
  EXPECT_EQ(run_one(read_into(text, 8192)), EIO);
  EXPECT_EQ(run_one(read_into(text, 4096 - 512)), EIO);  // half of it is there
  EXPECT_EQ(run_one(read_into(text, 4096 - 1024)), 0);
}

TEST_P(EngineTest, ReadOnlyFileRefusesWrites) {
  open({.read_only = true});
  std::string text(512, 'x');
  EXPECT_EQ(run_one(write_from(text, 0)), EBADF);
  EXPECT_EQ(run_one(read_into(text, 0)), 0);
}

TEST_P(EngineTest, DiscardAndWriteZeroes) {
  file.fill(0, std::string(65536, 'x'));
  const int discarded = run_one({.kind = Kind::discard, .offset = 4096, .length = 8192});
  ASSERT_TRUE(discarded == 0 || discarded == EOPNOTSUPP) << discarded;
  if (discarded == 0) {
    EXPECT_EQ(file.content(4096, 8192), std::string(8192, '\0'));
  }
  for (const bool unmap : {false, true}) {
    const u64 at = unmap ? 32768 : 16384;
    const int zeroed = run_one(
        {.kind = Kind::write_zeroes, .may_unmap = unmap, .offset = at + 1024, .length = 512});
    ASSERT_TRUE(zeroed == 0 || zeroed == EOPNOTSUPP) << zeroed;
    if (zeroed == 0) {
      EXPECT_EQ(file.content(at + 1023, 514), 'x' + std::string(512, '\0') + 'x');
    }
  }
}

TEST_P(EngineTest, DrainLeavesNothingInFlight) {
  std::vector<std::string> texts(64, std::string(4096, 'q'));
  std::vector<Operation> operations;
  for (u32 i = 0; i < 64; ++i) operations.push_back(write_from(texts[i], u64{4096} * i));
  operations.push_back({.kind = Kind::flush});
  start(operations);
  std::unique_lock lock(mutex);
  // From another thread than the one that submits, as a guest's reset does.
  while (!submitted) arrived.wait(lock);
  engine->drain();
  take();
  EXPECT_EQ(results.size(), 65);
}

TEST_P(EngineTest, DirectWithAndWithoutAlignment) {
  open({.direct = true});
  if (IsSkipped() || !image) return;
  const usize unit = image->block_size();
  alignas(4096) static u8 buffer[16384 + 512];
  std::fill(std::begin(buffer), std::end(buffer), u8{'d'});
  EXPECT_EQ(run_one(transfer(Kind::write, {{buffer, unit}}, 0)), 0);
  // An odd address and odd pieces go through a buffer of ours.
  std::fill(std::begin(buffer), std::end(buffer), u8{'e'});
  const auto odd = transfer(Kind::write, {{buffer + 1, 100}, {buffer + 301, 2 * unit - 100}}, unit);
  EXPECT_FALSE(buffers_fit(*image, odd));
  EXPECT_EQ(run_one(odd), 0);
  EXPECT_EQ(file.content(0, 3 * unit), std::string(unit, 'd') + std::string(2 * unit, 'e'));
  std::fill(std::begin(buffer), std::end(buffer), u8{' '});
  EXPECT_EQ(run_one(transfer(Kind::read, {{buffer + 3, 3 * unit}}, 0)), 0);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(buffer) + 3, unit), std::string(unit, 'd'));
  EXPECT_EQ(buffer[2], ' ');
  EXPECT_EQ(buffer[3 + 3 * unit], ' ');
}

TEST_P(EngineTest, LargeBouncedTransfer) {
  open({.direct = true});
  if (IsSkipped() || !image) return;
  std::string text(1_MiB, ' ');
  for (usize i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
  std::string shifted = "!" + text;
  EXPECT_EQ(run_one(transfer(Kind::write, {{shifted.data() + 1, text.size()}}, 0)), 0);
  EXPECT_EQ(file.content(0, text.size()), text);
}

// A guest can queue minutes of work; ending the VM must not take them.
TEST_P(EngineTest, WhatIsAbandonedIsDroppedAndCompletes) {
  open({});
  std::string much(16_MiB, 'x');
  std::vector<Operation> writes;
  for (int i = 0; i < 64; ++i) writes.push_back(write_from(much, 0));
  start(std::move(writes));
  std::unique_lock lock(mutex);
  arrived.wait(lock, [this] { return submitted; });
  engine->abandon(std::chrono::milliseconds(0));
  take();
  ASSERT_EQ(results.size(), 64u);
  EXPECT_EQ(results[163], ECANCELED);
  lock.unlock();
  // The engine goes on.
  EXPECT_EQ(run_one({.kind = Kind::flush}), 0);
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineTest,
                         ::testing::Values(EngineKind::thread, EngineKind::uring),
                         [](const auto& chosen) {
                           return chosen.param == EngineKind::thread ? "thread" : "uring";
                         });

TEST(Uring, EntriesThatWereNotHandedOverComeBack) {
  constexpr u8 operations[] = {IORING_OP_NOP};
  auto ring = Uring::create(4, operations);
  if (!ring) GTEST_SKIP() << ring.error().message;
  u64 data = 0;
  EXPECT_FALSE(ring->take_back(data));
  for (u64 i = 0; i < 4; ++i) {
    io_uring_sqe* entry = ring->prepare();
    ASSERT_NE(entry, nullptr);
    entry->opcode = IORING_OP_NOP;
    entry->user_data = i;
  }
  EXPECT_EQ(ring->prepare(), nullptr);
  ASSERT_TRUE(ring->take_back(data));
  EXPECT_EQ(data, 3);
  EXPECT_EQ(ring->commit(), 0);
  EXPECT_FALSE(ring->take_back(data));
  i32 result = -1;
  for (u64 i = 0; i < 3; ++i) {
    ring->wait();
    ASSERT_TRUE(ring->next(data, result));
    EXPECT_EQ(data, i);
    EXPECT_EQ(result, 0);
  }
  EXPECT_FALSE(ring->next(data, result));
}

TEST(Uring, AcceptsNothingElse) {
  constexpr u8 operations[] = {IORING_OP_NOP};
  auto ring = Uring::create(4, operations);
  if (!ring) GTEST_SKIP() << ring.error().message;
  io_uring_sqe* entry = ring->prepare();
  entry->opcode = IORING_OP_OPENAT;
  EXPECT_EQ(ring->commit(), 0);
  u64 data = 0;
  i32 result = 0;
  ASSERT_TRUE(ring->next(data, result));
  EXPECT_EQ(result, -EACCES);
}

TEST(ThreadEngine, ThreadComesLateAndIsPrepared) {
  TestFile file(4096);
  auto image = *RawImage::open(file.path(), {});
  auto loop = *loop::EventLoop::create();
  Log log{-1, LogLevel::error};
  auto engine = create_engine(EngineKind::thread, image, *loop, log);
  engine->on_ready([] {});
  int prepared = 0;
  engine->on_thread([&] { ++prepared; });
  engine->drain();
  EXPECT_EQ(prepared, 0);
  engine->submit({.kind = Kind::flush, .token = 5});
  engine->submit({.kind = Kind::flush, .token = 6});
  engine->drain();
  std::vector<Completion> done;
  engine->take(done);
  EXPECT_EQ(done.size(), 2);
  engine.reset();
  EXPECT_EQ(prepared, 1);
}

}  // namespace
}  // namespace pv::block
