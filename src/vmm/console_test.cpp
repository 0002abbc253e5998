// ConsoleBuffer and Tick: how the guest's output gets out without a system call for each byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/text.h"
#include "device/fakes.h"
#include "loop/event_loop.h"
#include "vmm/console_buffer.h"
#include "vmm/tick.h"

namespace pv::vmm {
namespace {

struct Buffer : ::testing::Test {
  device::RecordingSink out;
  int wakes = 0;
  ConsoleBuffer buffer{out, [this] { ++wakes; }};
};

TEST_F(Buffer, KeepsUntilFlushed) {
  buffer.write(bytes_of("hel"));
  buffer.write(bytes_of("lo"));
  EXPECT_EQ(out.text(), "");
  EXPECT_EQ(wakes, 1);  // once for the first byte
  EXPECT_TRUE(buffer.flush());
  EXPECT_EQ(out.text(), "hello");
  EXPECT_EQ(out.writes(), 1u);
  EXPECT_FALSE(buffer.flush());
  EXPECT_EQ(out.writes(), 1u);
  buffer.write(bytes_of("!"));
  EXPECT_EQ(wakes, 2);
  EXPECT_EQ(buffer.bytes_written(), 6u);
}

TEST_F(Buffer, FlushesItselfWhenFull) {
  std::string all;
  for (int i = 0; i < 3000; ++i) all += pv::text("{:03}", i % 1000);
  buffer.write(bytes_of(all));
  EXPECT_EQ(out.text(), all.substr(0, 8192));
  EXPECT_EQ(out.writes(), 2u);
  EXPECT_EQ(wakes, 1);
  buffer.flush();
  EXPECT_EQ(out.text(), all);
}

TEST_F(Buffer, ExactlyFullLeavesNothingToWakeFor) {
  buffer.write(bytes_of(std::string(4096, 'x')));
  EXPECT_EQ(out.text().size(), 4096u);
  EXPECT_EQ(wakes, 0);
  EXPECT_FALSE(buffer.flush());
  buffer.write({});
  EXPECT_EQ(wakes, 0);
}

TEST(ConsoleBuffer, FlushesAtItsEnd) {
  device::RecordingSink out;
  {
    ConsoleBuffer(out, [] {}).write(bytes_of("last words"));
  }
  EXPECT_EQ(out.text(), "last words");
}

TEST(ConsoleBuffer, ThreadsDoNotLoseBytes) {
  device::RecordingSink out;
  {
    ConsoleBuffer buffer(out, [] {});
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n) buffer.write(bytes_of("0123456789"));
      });
    for (int n = 0; n < 100; ++n) buffer.flush();
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(buffer.bytes_written(), 40'000u);
  }
  EXPECT_EQ(out.text().size(), 40'000u);
}

// ---- Tick ---------------------------------------------------------------------------------------

using Clock = std::chrono::steady_clock;

// A timer never comes early, so lower bounds hold on the slowest machine; for upper bounds the
// shortest of many intervals counts.
struct Ticks : ::testing::Test {
  std::unique_ptr<loop::EventLoop> loop = std::move(*loop::EventLoop::create());
  std::vector<Clock::time_point> calls;
  std::function<bool(usize call)> work = [](usize) { return false; };
  usize until = 0;
  std::unique_ptr<Tick> tick = std::move(*Tick::create(*loop, [this] {
    calls.push_back(Clock::now());
    if (calls.size() >= until) loop->stop();
    return work(calls.size());
  }));

  // Starts the tick and runs the loop until `work` has been called `count` times.
  void run(usize count) {
    until = count;
    tick->start();
    ASSERT_TRUE(loop->run());
    tick->stop();
  }
  Clock::duration shortest(usize first, usize last) const {
    auto least = Clock::duration::max();
    for (usize i = first; i < last; ++i) least = std::min(least, calls[i] - calls[i - 1]);
    return least;
  }
};

// The ninth call in a row with nothing to do is the last of the fast ones.
TEST_F(Ticks, SlowDownWhenThereIsNothingToDo) {
  auto started = Clock::now();
  run(12);
  EXPECT_GE(calls[0] - started, Tick::fast);
  EXPECT_LT(shortest(1, 9), Tick::slow);
  EXPECT_GE(shortest(9, 12), Tick::slow);
}

TEST_F(Ticks, StayFastWhileBusy) {
  work = [](usize call) { return call % 8 == 0; };
  run(40);
  EXPECT_LT(shortest(20, 40), Tick::slow);
  EXPECT_GE(shortest(1, 40), Tick::fast - std::chrono::milliseconds(1));
}

TEST_F(Ticks, AreWokenWhileSlow) {
  work = [this](usize call) {
    if (call >= 9) loop->post([this] { tick->wake(); });  // after the slow period has begun
    return false;
  };
  run(20);
  EXPECT_LT(shortest(9, 20), Tick::slow);
}

// Output that comes after the work has looked for it must not wait for the slow period.
TEST_F(Ticks, AreWokenDuringTheWork) {
  work = [this](usize call) {
    if (call >= 9) tick->wake();
    return false;
  };
  run(20);
  EXPECT_LT(shortest(9, 20), Tick::slow);
}

}  // namespace
}  // namespace pv::vmm
