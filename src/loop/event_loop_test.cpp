#include "loop/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace pv::loop {
namespace {

TEST(EventLoop, PostFromAnotherThreadRunsAndStops) {
  auto loop = *EventLoop::create();
  int ran = 0;
  std::thread other([&] {
    loop->post([&] { ++ran; });
    loop->post([&] {
      ++ran;
      loop->stop();
    });
  });
  ASSERT_TRUE(loop->run());
  other.join();
  EXPECT_EQ(ran, 2);
}

TEST(EventLoop, WatchesUntilUnwatched) {
  auto loop = *EventLoop::create();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Fd reader(ends[0]), writer(ends[1]);
  int calls = 0;
  ASSERT_TRUE(loop->watch(reader.get(), [&] {
    char c;
    ASSERT_EQ(::read(reader.get(), &c, 1), 1);
    if (++calls == 2) {
      loop->unwatch(reader.get());
      loop->stop();
    }
  }));
  ASSERT_EQ(::write(writer.get(), "abc", 3), 3);
  ASSERT_TRUE(loop->run());
  EXPECT_EQ(calls, 2);
}

TEST(EventLoop, TimerExpiresOnceAndCancelHolds) {
  auto loop = *EventLoop::create();
  int cancelled = 0, expired = 0;
  auto never = *loop->timer([&] { ++cancelled; });
  auto soon = *loop->timer([&] {
    ++expired;
    loop->stop();
  });
  never->arm(std::chrono::milliseconds(1));
  never->cancel();
  soon->arm(std::chrono::milliseconds(3));
  ASSERT_TRUE(loop->run());
  EXPECT_EQ(cancelled, 0);
  EXPECT_EQ(expired, 1);
}

TEST(EventLoop, RegularFileCannotBeWatched) {
  auto loop = *EventLoop::create();
  Fd file = *open_file("/proc/self/exe", 0);
  EXPECT_FALSE(loop->watch(file.get(), [] {}));
}

}  // namespace
}  // namespace pv::loop
