#include "memory/guest_memory.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "base/endian.h"

namespace pv::memory {
namespace {

constexpr u64 base = 0x8000'0000;

struct Fixture : ::testing::TestWithParam<Backing> {
  GuestMemory ram;
  void SetUp() override { ASSERT_TRUE(ram.add({GuestAddress(base), 4_MiB}, GetParam())); }
};
INSTANTIATE_TEST_SUITE_P(Backings, Fixture, ::testing::Values(Backing::anonymous, Backing::shared));

TEST_P(Fixture, ReadsBackWhatWasWrittenAndStartsZero) {
  u32 value = 1;
  EXPECT_TRUE(ram.read(GuestAddress(base + 8), value));
  EXPECT_EQ(value, 0u);
  EXPECT_TRUE(ram.write(GuestAddress(base + 4_MiB - 4), u32{42}));
  EXPECT_TRUE(ram.read(GuestAddress(base + 4_MiB - 4), value));
  EXPECT_EQ(value, 42u);
}

TEST_P(Fixture, RefusesWhatIsNotRam) {
  u32 value = 0;
  EXPECT_FALSE(ram.read(GuestAddress(base - 1), value));
  EXPECT_FALSE(ram.read(GuestAddress(base + 4_MiB - 3), value));
  EXPECT_FALSE(ram.read(GuestAddress(std::numeric_limits<u64>::max() - 1), value));
  EXPECT_FALSE(ram.contains(GuestAddress(base + 1), std::numeric_limits<u64>::max()));
  EXPECT_EQ(ram.slice(GuestAddress(base), 4_MiB + 1).io().iov_base, nullptr);
}

TEST_P(Fixture, HostAddressHasTheGuestsHugePageAlignment) {
  EXPECT_EQ(reinterpret_cast<uintptr_t>(ram.region(0).host) % 2_MiB, base % 2_MiB);
}

TEST_P(Fixture, RingIndicesNeedAlignment) {
  EXPECT_TRUE(ram.store_release(GuestAddress(base + 2), 7));
  u16 v = 0;
  EXPECT_TRUE(ram.load_acquire(GuestAddress(base + 2), v));
  EXPECT_EQ(v, 7);
  EXPECT_FALSE(ram.load_acquire(GuestAddress(base + 3), v));
  EXPECT_FALSE(ram.store_release(GuestAddress(base + 4_MiB), 7));
}

TEST(GuestMemory, OverlapAndOddSizesAreRefused) {
  GuestMemory ram;
  ASSERT_TRUE(ram.add({GuestAddress(0), 1_MiB}, Backing::anonymous));
  EXPECT_FALSE(ram.add({GuestAddress(512_KiB), 1_MiB}, Backing::anonymous));
  EXPECT_FALSE(ram.add({GuestAddress(2_MiB), 100}, Backing::anonymous));
  EXPECT_FALSE(ram.add({GuestAddress(2_MiB), 0}, Backing::anonymous));
  EXPECT_FALSE(ram.add({GuestAddress(1_GiB), 1024ull * 1024_MiB * 1024}, Backing::anonymous));
  EXPECT_EQ(ram.region_count(), 1u);
}

TEST(GuestMemory, MapsAFilePrivately) {
  GuestMemory ram;
  ASSERT_TRUE(ram.add({GuestAddress(0), 1_MiB}, Backing::anonymous));
  Fd file(::fileno(std::tmpfile()));
  std::array<u8, 5000> content;
  content.fill(0xab);
  ASSERT_TRUE(write_fully(file.get(), content));
  ASSERT_TRUE(ram.map_file(GuestAddress(0x10000), file.get(), 0, content.size()));
  u8 v = 0;
  EXPECT_TRUE(ram.read(GuestAddress(0x10000 + 4999), v));
  EXPECT_EQ(v, 0xab);
  EXPECT_TRUE(ram.read(GuestAddress(0x10000 + 5000), v));
  EXPECT_EQ(v, 0);
  EXPECT_TRUE(ram.write(GuestAddress(0x10000), u8{1}));
  ASSERT_TRUE(read_at(file.get(), std::span(&v, 1), 0));
  EXPECT_EQ(v, 0xab);
  EXPECT_FALSE(ram.map_file(GuestAddress(0x10001), file.get(), 0, 10));
  EXPECT_FALSE(ram.map_file(GuestAddress(1_MiB), file.get(), 0, 10));
}

}  // namespace
}  // namespace pv::memory
