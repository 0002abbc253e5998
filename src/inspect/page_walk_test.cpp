#include "inspect/page_walk.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/text.h"

namespace pv::inspect {
namespace {

// Pages of 4 KiB by a table of their numbers; translation may be off.
struct Pages final : PageWalk {
  std::map<u64, u64> pages;
  bool off = false;
  Result<Translation> translate(u64 address, Steps*) const override {
    if (off) return Translation{address, 0, {true, true, true}, {}, false};
    auto found = pages.find(address >> 12);
    if (found == pages.end()) return fail(Error::Kind::image, text("{:#x} is not mapped", address));
    return Translation{
        found->second << 12 | (address & 0xfff), 4096, {true, true, true}, {}, false};
  }
};

struct ReadVirtual : ::testing::Test {
  Pages walk;
  std::vector<u8> ram = std::vector<u8>(0x4000);
  std::vector<std::pair<u64, usize>> asked;
  ReadPhysical read = [this](u64 address, MutableBytes into) {
    asked.emplace_back(address, into.size());
    if (address > ram.size() || into.size() > ram.size() - address) return false;
    std::memcpy(into.data(), &ram[address], into.size());
    return true;
  };
  std::string at(u64 address, usize size) {
    std::string bytes(size, '?');
    auto got = read_virtual(walk, read, address, {reinterpret_cast<u8*>(bytes.data()), size});
    return got ? bytes : got.error().message;
  }
};

TEST_F(ReadVirtual, FollowsEachPage) {
  walk.pages = {{0x10, 2}, {0x11, 1}};
  std::memcpy(&ram[0x2ffd], "abc", 3);
  std::memcpy(&ram[0x1000], "def", 3);
  EXPECT_EQ(at(0x10'ffd, 6), "abcdef");
  EXPECT_EQ(asked, (std::vector<std::pair<u64, usize>>{{0x2ffd, 3}, {0x1000, 3}}));
}

TEST_F(ReadVirtual, SaysWhatIsMissing) {
  walk.pages = {{0x10, 2}, {0x12, 9}};
  EXPECT_EQ(at(0x10'ffd, 6), "0x11000 is not mapped");
  EXPECT_EQ(at(0x12'000, 1), "0x12000 is mapped to 0x9000, where there is no RAM");
}

TEST_F(ReadVirtual, WithoutTranslationReadsInPieces) {
  walk.off = true;
  std::memcpy(&ram[0x3ff], "xy", 2);
  EXPECT_EQ(at(0x3ff, 2), "xy");
  EXPECT_EQ(asked.size(), 2u);
}

// An address space ends at 2^64.
TEST_F(ReadVirtual, WrapsAround) {
  walk.pages = {{~0ull >> 12, 0}, {0, 1}};
  std::memcpy(&ram[0xfff], "p", 1);
  std::memcpy(&ram[0x1000], "q", 1);
  EXPECT_EQ(at(~0ull, 2), "pq");
}

TEST(PageWalkSteps, KeepsTheFirst) {
  Steps steps;
  for (int i = 0; i < 20; ++i) steps.add({i, 0, 0});
  ASSERT_EQ(steps.all().size(), Steps::max_steps);
  EXPECT_EQ(steps.all().back().level, int{Steps::max_steps} - 1);
}

}  // namespace
}  // namespace pv::inspect
