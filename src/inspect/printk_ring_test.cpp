#include "inspect/printk_ring.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "inspect/fake_subject.h"

namespace pv::inspect {
namespace {

constexpr u64 base = 0x40000000;

// A kernel's ring as it lies in memory: 2^7 descriptors, 4 KiB of text, virtual addresses that are
// `move` above the physical ones.
class FakeRing {
 public:
  static constexpr unsigned descriptor_bits = 7, size_bits = 12;
  static constexpr u64 structure = base + 0x1010, descriptors = base + 0x2000,
                       infos = base + 0x6000, data = base + 0xc000, variable = base + 0x1008;

  FakeRing(Arch arch, unsigned word, u64 move, unsigned further = 0)
      : guest(arch, base, 1 << 20), word_(word), move_(move) {
    const u64 ids = word == 8 ? u64{1} << 32 : u64{1} << 30;
    head_ = tail_ = ids - (u64{1} << descriptor_bits) - 1;
    position_ = 0 - (u64{1} << size_bits);
    put(variable, structure + move, word);
    put(structure, descriptor_bits, 4);
    put(structure + word, descriptors + move, word);
    put(structure + 2 * word, infos + move, word);
    const u64 text_ring = structure + (5 + further) * word;
    put(text_ring, size_bits, 4);
    put(text_ring + word, data + move, word);
    put(text_ring + 2 * word, position_, word);
    put(text_ring + 3 * word, position_, word);
    text_ring_ = text_ring;
    heads();
  }

  // What printk leaves: the text moved over its prefix, and old bytes behind it.
  void say(std::string_view text, u64 ns = 0, u64 state = 2) {
    ++head_;
    const std::string kept = std::string(text) + std::string(text.substr(text.size() - 2)) + "\n";
    const u64 size = align_up(word_ + kept.size() + 1, word_);
    u64 begin = position_, next = begin + size;
    u64 at = begin;
    if (begin >> size_bits != (next - 1) >> size_bits) {  // over the end: at the begin instead
      at = align_up(begin, u64{1} << size_bits);
      next = at + size;
    }
    const u64 block = data + (at & ((u64{1} << size_bits) - 1));
    put(block, head_ & ids(), word_);
    guest.put(block + word_, {reinterpret_cast<const u8*>(kept.c_str()), kept.size() + 1});
    const u64 index = head_ & ((u64{1} << descriptor_bits) - 1);
    const u64 descriptor = descriptors + index * 3 * word_;
    put(descriptor, (head_ & ids()) | state << (8 * word_ - 2), word_);
    put(descriptor + word_, begin, word_);
    put(descriptor + 2 * word_, next, word_);
    const u64 info = infos + index * 88;
    put(info + 8, ns, 8);
    put(info + 16, text.size(), 2);
    position_ = next;
    if (head_ - tail_ > u64{1} << descriptor_bits) ++tail_;
    heads();
  }

  void put(u64 at, u64 value, unsigned size) {
    std::vector<u8> bytes(size);
    const bool big = big_endian(guest.facts().arch);
    for (unsigned i = 0; i < size; ++i)
      bytes[i] = static_cast<u8>(value >> 8 * (big ? size - 1 - i : i));
    guest.put(at, bytes);
  }

  FakeSubject guest;

 private:
  u64 ids() const { return (u64{1} << (8 * word_ - 2)) - 1; }
  void heads() {
    put(structure + 3 * word_, head_ & ids(), word_);
    put(structure + 4 * word_, tail_ & ids(), word_);
    put(text_ring_ + 2 * word_, position_, word_);
    const u64 whole = u64{1} << size_bits;
    const u64 oldest = position_ + whole < whole ? 0 - whole : position_ - whole;
    put(text_ring_ + 3 * word_, oldest, word_);
  }

  unsigned word_;
  u64 move_, head_, tail_, position_, text_ring_;
};

LogSearch search(Subject& guest) {
  return find_kernel_log(guest, std::nullopt, [] { return true; });
}

void expect_beginning(FakeRing&& ring) {
  ring.say("Booting on CPU 0");
  ring.say("Linux version 6.1.0 (x@y)");
  ring.say("two\nlines", 1'500'000'000);
  ring.say("being written", 0, 0);
  ring.say("Kernel panic - not syncing: no init", 12'000'001'000);
  const LogSearch found = search(ring.guest);
  ASSERT_TRUE(found.log);
  EXPECT_TRUE(found.is_linux);
  EXPECT_TRUE(found.log->timed);
  EXPECT_EQ(found.log->records, 4u);
  EXPECT_EQ(found.log->address, FakeRing::data);
  EXPECT_EQ(found.log->lines,
            (std::vector<std::string>{"[    0.000000] Booting on CPU 0",
                                      "[    0.000000] Linux version 6.1.0 (x@y)",
                                      "[    1.500000] two", "[    1.500000] lines",
                                      "[   12.000001] Kernel panic - not syncing: no init"}));
}

TEST(PrintkRing, IsFoundByItsFirstLine) {
  expect_beginning(FakeRing(Arch::aarch64, 8, 0xffff'b436'0000'0000));
  expect_beginning(FakeRing(Arch::riscv64, 8, 0xffff'ffff'0000'0000, 1));
  expect_beginning(FakeRing(Arch::powerpc, 4, 0x8000'0000));
  expect_beginning(FakeRing(Arch::powerpc, 4, 0x8000'0000, 1));
  expect_beginning(FakeRing(Arch::powerpc, 8, 0xc000'0000'0000'0000));
}

TEST(PrintkRing, ThatHasGoneRoundIsFoundByName) {
  FakeRing ring(Arch::x86_64, 8, 0);
  ring.say("Linux version 6.1.0 (x@y)");
  for (int i = 0; i < 500; ++i) ring.say(text("a line with the number {:04}", i));
  hv::RegisterFile file(Arch::x86_64, hv::register_table(Arch::x86_64));
  const auto found =
      find_kernel_log(ring.guest, LogHint{&file, FakeRing::variable}, [] { return true; });
  ASSERT_TRUE(found.log);
  EXPECT_GT(found.log->lines.size(), 50u);
  EXPECT_LT(found.log->lines.size(), 129u);
  EXPECT_EQ(found.log->lines.back(), "[    0.000000] a line with the number 0499");
  // In order, none left out.
  for (usize i = 1; i < found.log->lines.size(); ++i)
    EXPECT_EQ(found.log->lines[found.log->lines.size() - 1 - i],
              text("[    0.000000] a line with the number {:04}", 499 - i));
}

TEST(PrintkRing, TheLongerOfTwoIsTaken) {
  // log_buf_len=: the beginning was copied into a longer ring, the short one stays behind.
  FakeRing ring(Arch::aarch64, 8, 0);
  ring.say("Linux version 6.1.0 (x@y)");
  for (int i = 0; i < 5; ++i) ring.say(text("line {}", i));
  FakeSubject both(Arch::aarch64, base, 1 << 20);
  std::vector<u8> bytes(0x10000);
  ASSERT_TRUE(ring.guest.read_physical(base, bytes));
  both.put(base + 0x20000, bytes);  // its pointers lead to the first: the structure does not fit
  ring.say("the newest");
  ASSERT_TRUE(ring.guest.read_physical(base, bytes));
  both.put(base, bytes);
  const LogSearch found = search(both);
  ASSERT_TRUE(found.log);
  EXPECT_EQ(found.log->lines.back(), "[    0.000000] the newest");
}

TEST(PrintkRing, NonsenseIsNone) {
  FakeRing ring(Arch::aarch64, 8, 0);
  ring.say("Linux version 6.1.0 (x@y)");
  ring.say("second");
  GuestWords memory([&](u64 at, MutableBytes into) { return ring.guest.read_physical(at, into); },
                    false, 8);
  EXPECT_TRUE(printk_ring_at(memory, FakeRing::structure));
  EXPECT_FALSE(printk_ring_at(memory, FakeRing::structure + 8));
  EXPECT_FALSE(printk_ring_at(memory, base - 8));
  ring.put(FakeRing::structure, 63, 4);
  EXPECT_FALSE(printk_ring_at(memory, FakeRing::structure));
}

}  // namespace
}  // namespace pv::inspect
