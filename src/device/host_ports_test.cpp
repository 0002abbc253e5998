#include "device/host_ports.h"

#include <gtest/gtest.h>

#include <algorithm>
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

}  // namespace
}  // namespace pv::device
