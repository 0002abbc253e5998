#include "memory/search.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace pv::memory {
namespace {

constexpr u64 base = 0x4000'0000;
constexpr u64 size = 8_MiB;
constexpr std::string_view needle = "Linux version ";

class Search : public testing::TestWithParam<Backing> {
 protected:
  void SetUp() override { ASSERT_TRUE(ram.add({GuestAddress(base), size}, GetParam())); }
  void put(u64 at) { ASSERT_TRUE(ram.write_bytes(GuestAddress(at), bytes_of(needle))); }
  SearchResult all(SearchLimits limits = {}) {
    return search(ram, {GuestAddress(base), size}, bytes_of(needle), limits);
  }
  usize resident() {
    const usize page = static_cast<usize>(::sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> there(static_cast<usize>(size) / page);
    EXPECT_EQ(::mincore(ram.region(0).host, static_cast<usize>(size), there.data()), 0);
    return static_cast<usize>(
        std::ranges::count_if(there, [](unsigned char one) { return (one & 1) != 0; }));
  }
  GuestMemory ram;
};

TEST_P(Search, FindsEverythingAndTouchesNothing) {
  ::madvise(ram.region(0).host, static_cast<usize>(size), MADV_NOHUGEPAGE);
  put(base);
  put(base + 0x1ff8);  // over the border of two pages
  put(base + size - needle.size());
  const usize before = resident();
  const SearchResult result = all();
  EXPECT_EQ(result.found, (std::vector<u64>{base, base + 0x1ff8, base + size - needle.size()}));
  EXPECT_EQ(result.next, base + size);
  EXPECT_LT(result.examined, 1_MiB);
  EXPECT_EQ(resident(), before);
}

TEST_P(Search, GoesOnWhereALimitEndedIt) {
  ASSERT_TRUE(ram.fill(GuestAddress(base), size, 0x20));
  for (u64 at : {0x10000u, 0x10010u, 0x3ffffau, 0x700000u}) put(base + at);
  std::vector<u64> found;
  u64 at = base;
  usize rounds = 0;
  while (at < base + size && rounds++ < 100) {
    const auto part = search(ram, {GuestAddress(at), base + size - at}, bytes_of(needle),
                             {.examined = 1_MiB, .passed = 16_GiB, .found = 1});
    EXPECT_LE(part.examined, 1_MiB);
    ASSERT_GT(part.next, at);
    found.insert(found.end(), part.found.begin(), part.found.end());
    at = part.next;
  }
  EXPECT_EQ(found,
            (std::vector<u64>{base + 0x10000, base + 0x10010, base + 0x3ffffa, base + 0x700000}));
}

TEST_P(Search, KeepsToTheRange) {
  put(base + 0x100);
  put(base + 0x200);
  const auto part =
      search(ram, {GuestAddress(base + 0x101), 0x100 + needle.size() - 2}, bytes_of(needle), {});
  EXPECT_TRUE(part.found.empty());
  const auto whole =
      search(ram, {GuestAddress(base + 0x101), 0x100 + needle.size() - 1}, bytes_of(needle), {});
  EXPECT_EQ(whole.found, std::vector<u64>{base + 0x200});
  EXPECT_TRUE(search(ram, {GuestAddress(0), base}, bytes_of(needle), {}).found.empty());
  EXPECT_TRUE(search(ram, {GuestAddress(base), size}, {}, {}).found.empty());
}

INSTANTIATE_TEST_SUITE_P(Backings, Search, testing::Values(Backing::anonymous, Backing::shared));

}  // namespace
}  // namespace pv::memory
