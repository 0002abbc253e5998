#include "device/host_ports.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace pv::device {
namespace {

TEST(HostClock, Advances) {
  HostClock clock;
  const u64 before = clock.monotonic_ns();
  EXPECT_GT(clock.wall_ns(), 1'600'000'000ull * 1'000'000'000);
  EXPECT_GE(clock.monotonic_ns(), before);
}

TEST(HostEntropy, FillsTheWholeSpan) {
  auto entropy = HostEntropy::create();
  ASSERT_TRUE(entropy);
  std::vector<u8> a(1000), b(1000);
  (*entropy)->fill(a);
  (*entropy)->fill(b);
  EXPECT_NE(a, b);
  EXPECT_TRUE(std::any_of(a.end() - 32, a.end(), [](u8 x) { return x != 0; }));
}

// As on a board that has just come up: nothing may wait for its generator.
ssize_t unready(void* into, size_t size, unsigned flags) {
  if (flags == GRND_INSECURE) {
    std::fill_n(static_cast<u8*>(into), size, u8{0x5a});
    return static_cast<ssize_t>(size);
  }
  errno = flags == GRND_NONBLOCK ? EAGAIN : EDEADLK;
  return -1;
}

TEST(HostEntropy, DoesNotWaitForTheKernelsGenerator) {
  auto entropy = HostEntropy::create(unready);
  ASSERT_TRUE(entropy);
  EXPECT_FALSE((*entropy)->ready());
  std::vector<u8> some(100);
  (*entropy)->fill(some);
  EXPECT_EQ(some, std::vector<u8>(100, 0x5a));
}

TEST(HostEntropy, TakesTheFileWhereTheCallIsRefused) {
  auto entropy = HostEntropy::create([](void*, size_t, unsigned) -> ssize_t {
    errno = ENOSYS;
    return -1;
  });
  ASSERT_TRUE(entropy);
  EXPECT_TRUE((*entropy)->ready());
  std::vector<u8> some(100);
  (*entropy)->fill(some);
  EXPECT_TRUE(std::ranges::any_of(some, [](u8 x) { return x != 0; }));
}

}  // namespace
}  // namespace pv::device
