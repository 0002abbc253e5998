#include "inspect/kallsyms.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "inspect/fake_kallsyms.h"
#include "inspect/fake_subject.h"

namespace pv::inspect {
namespace {

constexpr u64 base = 0x40000000;
constexpr u64 kernel = 0xffff'ffc0'1000'0000;

std::vector<FakeSymbol> symbols(usize count, u64 from = kernel) {
  std::vector<FakeSymbol> all;
  for (usize i = 0; i < count; ++i) all.push_back({from + 0x40 * i, text("Tfunction_{}", i)});
  return all;
}

std::optional<Kallsyms> find(FakeSubject& guest) {
  return Kallsyms::find(guest, base, [] { return true; });
}

class Layouts : public testing::TestWithParam<KallsymsForm> {};

TEST_P(Layouts, NamesEveryAddress) {
  const KallsymsForm form = GetParam();
  const u64 from = form.word == 8 ? kernel : 0xc000'0000;
  const auto all = symbols(1500, from);
  FakeSubject guest(form.big ? Arch::powerpc : Arch::aarch64, base, 1 << 20);
  guest.put(base + 0x21000, kallsyms_tables(all, form));
  const auto names = find(guest);
  ASSERT_TRUE(names);
  EXPECT_EQ(names->size(), 1500u);
  for (usize i : {0u, 1u, 255u, 256u, 257u, 1023u, 1024u, 1499u}) {
    EXPECT_EQ(names->describe(from + 0x40 * i), text("function_{}", i));
    EXPECT_EQ(names->describe(from + 0x40 * i + 0x3c), text("function_{}+0x3c", i));
  }
  EXPECT_EQ(names->describe(from - 1), "");
  EXPECT_EQ(names->describe(from + 0x40 * 1499 + 1_MiB), "");
  EXPECT_EQ(names->address_of("function_700"), from + 0x40 * 700);
  EXPECT_EQ(names->address_of("function_1500"), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Kallsyms, Layouts,
                         testing::Values(KallsymsForm{.word = 8, .big = false, .newer = false},
                                         KallsymsForm{.word = 8, .big = false, .newer = true},
                                         KallsymsForm{.word = 8, .big = true, .newer = false},
                                         KallsymsForm{.word = 4, .big = true, .newer = false},
                                         KallsymsForm{.word = 4, .big = true, .newer = true}));

TEST(Kallsyms, ReadsX86sPerCpuOffsets) {
  const u64 from = 0xffff'ffff'8100'0000;
  std::vector<FakeSymbol> all = {{0, "Afixed_percpu_data"}, {0x1000, "Acpu_debug_store"}};
  for (const FakeSymbol& one : symbols(1000, from)) all.push_back(one);
  FakeSubject guest(Arch::x86_64, base, 1 << 20);
  guest.put(base + 0x21000, kallsyms_tables(all, {.word = 8, .percpu = true}));
  const auto names = find(guest);
  ASSERT_TRUE(names);
  EXPECT_EQ(names->describe(from + 0x4004), "function_256+0x4");
  EXPECT_EQ(names->describe(0x1004), "");
  EXPECT_EQ(names->address_of("cpu_debug_store"), 0x1000u);
}

TEST(Kallsyms, TakesTheFirstOfSeveralNames) {
  auto all = symbols(900);
  all[301].address = all[300].address;
  all[302].name = "tbad\x1b[2Jname";
  FakeSubject guest(Arch::aarch64, base, 1 << 20);
  guest.put(base + 0x21000, kallsyms_tables(all, {.word = 8}));
  const auto names = find(guest);
  ASSERT_TRUE(names);
  EXPECT_EQ(names->describe(all[300].address), "function_300");
  EXPECT_EQ(names->describe(all[302].address), "bad?[2Jname");
}

TEST(Kallsyms, BelievesNoBrokenTable) {
  const auto whole = kallsyms_tables(symbols(900), {.word = 8});
  FakeSubject guest(Arch::aarch64, base, 1 << 20);
  EXPECT_FALSE(find(guest));
  // Whatever is missing at the end or the beginning: no table, or one that answers all the same.
  for (usize cut = 0; cut < whole.size(); cut += 509) {
    FakeSubject torn(Arch::aarch64, base, 1 << 20);
    torn.put(base + 0x21000, Bytes(whole).first(cut));
    const auto beginning = find(torn);
    EXPECT_TRUE(!beginning || beginning->size() == 900u) << cut;
    FakeSubject late(Arch::aarch64, base, 1 << 20);
    late.put(base + 0x21000, Bytes(whole).subspan(cut));
    const auto end = find(late);
    EXPECT_TRUE(!end || end->size() == 900u) << cut;
  }
}

}  // namespace
}  // namespace pv::inspect
