#include "base/clock.h"

#include <time.h>

#include "base/check.h"

namespace pv {
namespace {

u64 read_clock(clockid_t clock) {
  timespec time{};
  CHECK(::clock_gettime(clock, &time) == 0);
  return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

}  // namespace

u64 wall_ns() { return read_clock(CLOCK_REALTIME); }
u64 monotonic_ns() { return read_clock(CLOCK_MONOTONIC); }
i64 monotonic_ms() { return static_cast<i64>(monotonic_ns() / 1'000'000); }

void sleep_ms(u32 ms) {
  const timespec pause{.tv_sec = static_cast<time_t>(ms / 1000),
                       .tv_nsec = static_cast<long>(ms % 1000 * 1'000'000)};
  ::nanosleep(&pause, nullptr);
}

}  // namespace pv
