#include "inspect/kernel_log.h"

#include <gtest/gtest.h>

#include <bit>

#include "base/text.h"
#include "inspect/fake_subject.h"

namespace pv::inspect {
namespace {

constexpr u64 base = 0x40000000;

// The newer form: identifiers and texts one after the other, aligned to a word.
void put_ring(FakeSubject& guest, u64 at, unsigned word, u64 first_id,
              std::initializer_list<std::string_view> texts) {
  const bool big = big_endian(guest.facts().arch);
  for (std::string_view text : texts) {
    std::vector<u8> block(word);
    for (unsigned i = 0; i < word; ++i)
      block[i] = static_cast<u8>(first_id >> 8 * (big ? word - 1 - i : i));
    block.insert(block.end(), text.begin(), text.end());
    block.resize(align_up(block.size() + 1, word));
    guest.put(at, block);
    at += block.size();
    ++first_id;
  }
}

bool always() { return true; }

TEST(KernelLog, ReadsTheRingWithLinesBeforeTheBanner) {
  FakeSubject guest(Arch::aarch64, base, 1 << 20);
  const std::string elsewhere = "Linux version 6.1 (in the kernel's read-only data)";
  guest.put(base + 0x1000, bytes_of(elsewhere));
  put_ring(
      guest, base + 0x20008, 8, 0x3fffffffffffe001,
      {"Booting Linux on physical CPU 0x0000000000", "Linux version 6.1.0 (x@y)",
       "Machine model: linux,dummy-virt", "two\nlines", "Kernel panic - not syncing: no init"});
  const auto log = find_kernel_log(guest, std::nullopt, always).log;
  ASSERT_TRUE(log);
  ASSERT_EQ(log->lines.size(), 6u);
  EXPECT_EQ(log->lines[0], "Booting Linux on physical CPU 0x0000000000");
  EXPECT_EQ(log->lines[3], "two");
  EXPECT_EQ(log->address, base + 0x20008);
  ASSERT_NE(find_panic(*log), nullptr);
  EXPECT_EQ(*find_panic(*log), "Kernel panic - not syncing: no init");
}

TEST(KernelLog, ReadsABigEndianRingOf32Bits) {
  FakeSubject guest(Arch::powerpc, 0, 1 << 20);
  put_ring(guest, 0x30004, 4, 0x3fffe001,
           {"Linux version 6.1.0 (x@y)", "second line", "third line"});
  const auto log = find_kernel_log(guest, std::nullopt, always).log;
  ASSERT_TRUE(log);
  EXPECT_EQ(log->lines,
            (std::vector<std::string>{"Linux version 6.1.0 (x@y)", "second line", "third line"}));
  EXPECT_EQ(find_panic(*log), nullptr);
}

TEST(KernelLog, ReadsTheOlderRecords) {
  FakeSubject guest(Arch::aarch64, base, 1 << 20);
  u64 at = base + 0x8000;
  u64 time = 0;
  for (std::string_view text : {"Linux version 5.4.0 (x@y)", "second", "a third one"}) {
    std::vector<u8> record(16);
    const u16 lengths[] = {static_cast<u16>(align_up(16 + text.size(), 8)),
                           static_cast<u16>(text.size()), 0};
    for (unsigned i = 0; i < 8; ++i) record[i] = static_cast<u8>(time >> 8 * i);
    for (unsigned i = 0; i < 6; ++i) record[8 + i] = static_cast<u8>(lengths[i / 2] >> 8 * (i % 2));
    record.insert(record.end(), text.begin(), text.end());
    record.resize(lengths[0]);
    guest.put(at, record);
    at += record.size();
    time += 1'500'000'000;
  }
  const auto log = find_kernel_log(guest, std::nullopt, always).log;
  ASSERT_TRUE(log);
  EXPECT_TRUE(log->timed);
  EXPECT_EQ(log->lines,
            (std::vector<std::string>{"[    0.000000] Linux version 5.4.0 (x@y)",
                                      "[    1.500000] second", "[    3.000000] a third one"}));
}

TEST(KernelLog, FindsNothingWhereNothingIs) {
  FakeSubject guest(Arch::aarch64, base, 1 << 20);
  EXPECT_FALSE(find_kernel_log(guest, std::nullopt, always).log);
  const std::string alone = "Linux version 6.1";
  guest.put(base + 0x1000, bytes_of(alone));
  EXPECT_FALSE(find_kernel_log(guest, std::nullopt, always).log);
}

TEST(KernelLog, CanBeStopped) {
  FakeSubject guest(Arch::aarch64, base, 1 << 20);
  put_ring(guest, base + 0x80000, 8, 0x3fffffffffffe001, {"Linux version 6.1", "b", "c"});
  EXPECT_FALSE(find_kernel_log(guest, std::nullopt, [] { return false; }).log);
  EXPECT_TRUE(find_kernel_log(guest, std::nullopt, always).log);
}

}  // namespace
}  // namespace pv::inspect
