#include "inspect/symbols.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "inspect/fake_kallsyms.h"
#include "inspect/fake_subject.h"
#include "inspect/kernel_names.h"

namespace pv::inspect {
namespace {

constexpr std::string_view map =
    "0000000000000000 A _kernel_flags_le_hi32\n"
    "ffffffc010000000 t _head\n"
    "ffffffc010000000 T _text\n"
    "ffffffc010010000 T _stext\n"
    "ffffffc010010800 T vectors\n"
    "ffffffc010010b00 t $x\n"
    "ffffffc010020000 T schedule\n"
    "ffffffc010020100 T asm_exc_page_fault\n"
    "ffffffc010020200 t handle_exception\n"
    "no line of a map\n"
    "ffffffc010030000 D data [module]\n";

// A vmlinux of nothing but a symbol table: ELF of either width and byte order.
std::vector<u8> elf(bool wide, bool big, const std::vector<std::pair<u64, std::string>>& names) {
  std::vector<u8> file(wide ? 64 : 52);
  const auto put = [&](u64 at, u64 value, unsigned size) {
    if (file.size() < at + size) file.resize(static_cast<usize>(at) + size);
    for (unsigned i = 0; i < size; ++i)
      file[static_cast<usize>(at) + i] = static_cast<u8>(value >> 8 * (big ? size - 1 - i : i));
  };
  const unsigned word = wide ? 8 : 4;
  const u64 entry = wide ? 24 : 16, header = wide ? 64 : 40;
  const u64 table = 0x100, strings = table + entry * (names.size() + 1);
  u64 string = 1;
  for (usize i = 0; i < names.size(); ++i) {
    const u64 at = table + entry * (i + 1);
    put(at, string, 4);
    put(at + (wide ? 4 : 12), 0x12, 1);
    put(at + (wide ? 6 : 14), 1, 2);
    put(at + (wide ? 8 : 4), names[i].first, word);
    for (char c : names[i].second) put(strings + string++, static_cast<u8>(c), 1);
    put(strings + string++, 0, 1);
  }
  const u64 sections = align_up(strings + string, 8);
  const auto section = [&](unsigned index, u64 type, u64 offset, u64 size, u64 link) {
    const u64 at = sections + index * header;
    put(at + 4, type, 4);
    put(at + (wide ? 24 : 16), offset, word);
    put(at + (wide ? 32 : 20), size, word);
    put(at + (wide ? 40 : 24), link, 4);
  };
  section(1, 2, table, entry * (names.size() + 1), 2);
  section(2, 3, strings, string, 0);
  put(sections + 3 * header, 0, 8);
  for (unsigned i = 0; i < 4; ++i)
    file[i] = static_cast<u8>(
        "\x7f"
        "ELF"[i]);
  file[4] = wide ? 2 : 1;
  file[5] = big ? 2 : 1;
  put(wide ? 40 : 32, sections, word);
  put(wide ? 58 : 46, header, 2);
  put(wide ? 60 : 48, 3, 2);
  return file;
}

TEST(Symbols, AreReadFromAMap) {
  const auto symbols = Symbols::parse(bytes_of(map));
  ASSERT_TRUE(symbols);
  EXPECT_EQ(symbols->describe(0xffffffc010010800), "vectors");
  EXPECT_EQ(symbols->describe(0xffffffc010010a34), "vectors+0x234");
  EXPECT_EQ(symbols->describe(0xffffffc010010b04), "vectors+0x304");  // $x is no name
  EXPECT_EQ(symbols->describe(0xffffffc010030004), "data+0x4");
  EXPECT_EQ(symbols->describe(0xffffffc010130000), "");
  EXPECT_EQ(symbols->describe(0x1000), "");
  EXPECT_EQ(symbols->find("schedule"), 0xffffffc010020000);
  EXPECT_EQ(symbols->find("sched"), std::nullopt);
}

TEST(Symbols, AreReadFromElfFilesOfEveryForm) {
  for (const bool wide : {false, true})
    for (const bool big : {false, true}) {
      const auto symbols =
          Symbols::parse(elf(wide, big, {{0xc0001000, "panic"}, {0xc0000800, "_stext"}}));
      ASSERT_TRUE(symbols) << wide << big;
      EXPECT_EQ(symbols->size(), 2u);
      EXPECT_EQ(symbols->describe(0xc0001010), "panic+0x10");
      EXPECT_EQ(symbols->describe(0xc0000ffc), "_stext+0x7fc");
    }
}

TEST(Symbols, TornFilesAreReadAsFarAsTheyGo) {
  const auto whole = elf(true, false, {{0xffffffff81001000, "panic"}});
  for (usize size = 0; size < whole.size(); ++size)
    static_cast<void>(Symbols::parse(Bytes(whole).first(size)));
  EXPECT_FALSE(
      Symbols::parse(bytes_of("ffffffffffffffff B The real System.map is elsewhere\n").first(10)));
  EXPECT_FALSE(Symbols::parse({}));
}

hv::RegisterFile cpu(Arch arch, std::string_view name, u64 value) {
  hv::RegisterFile file(arch, hv::register_table(arch));
  EXPECT_TRUE(file.set(name, value));
  return file;
}

TEST(KernelNames, FollowAMovedKernelByItsVectors) {
  const auto symbols = Symbols::parse(bytes_of(map));
  FakeSubject guest(Arch::aarch64, 0x40000000, 4096);
  KernelNames names(&*symbols);
  names.settle(guest, {cpu(Arch::aarch64, "vbar_el1", 0xffffffc010010800 + 0x1'2340'0000)});
  EXPECT_EQ(names.describe(0xffffffc010020010 + 0x1'2340'0000), "schedule+0x10");
  EXPECT_EQ(names.address_of("schedule"), 0xffffffc010020000 + 0x1'2340'0000);
  EXPECT_NE(names.note().find("moved by 0x123400000 (VBAR_EL1"), std::string::npos);
}

TEST(KernelNames, ARegisterThatIsNotThereMovesNothing) {
  const auto symbols =
      Symbols::parse(bytes_of("ffffffc010010000 T vectors\n"
                              "ffffffc010011000 T handle_exception\n"));
  for (const Arch arch : {Arch::aarch64, Arch::riscv64}) {
    FakeSubject guest(arch, 0x40000000, 4096);
    KernelNames names(&*symbols);
    names.settle(guest, {hv::RegisterFile(arch, hv::register_table(arch))});
    EXPECT_EQ(names.describe(0xffffffc010010010), "vectors+0x10") << name(arch);
    EXPECT_EQ(names.note().find("moved by"), std::string::npos) << names.note();
  }
}

TEST(KernelNames, FollowItByStvecAndByTheIdt) {
  const auto symbols = Symbols::parse(bytes_of(map));
  FakeSubject riscv(Arch::riscv64, 0x80000000, 4096);
  KernelNames first(&*symbols);
  first.settle(riscv, {cpu(Arch::riscv64, "stvec", 0xffffffc010020200 + 0x200000)});
  EXPECT_EQ(first.describe(0xffffffc010220000), "schedule");

  FakeSubject x86(Arch::x86_64, 0, 1 << 16);
  const u64 entry = 0xffffffc010020100 + 0x4000000;
  const std::vector<u8> gate = {0x00, 0x01, 0x10, 0x00, 0x00, 0x8e, 0x02, 0x14,
                                0xc0, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00};
  EXPECT_EQ(entry, 0xffffffc014020100u);
  x86.put(0x1000 + 14 * 16, gate);
  KernelNames second(&*symbols);
  second.settle(x86, {cpu(Arch::x86_64, "idt_base", 0x1000)});
  EXPECT_EQ(second.describe(0xffffffc014020004), "schedule+0x4");
}

TEST(KernelNames, FollowItByTheGuestsOwnTable) {
  const auto symbols = Symbols::parse(bytes_of(map));
  const u64 move = 0x7654000;
  std::vector<FakeSymbol> own;
  for (usize i = 0; i < 900; ++i)
    own.push_back({0xffffffc010018000 + move + 0x40 * i,
                   i == 512 ? "Tschedule" : "tfunction_" + std::to_string(i)});
  FakeSubject guest(Arch::aarch64, 0x40000000, 1 << 20);
  guest.put(0x40031000, kallsyms_tables(own, {.word = 8}));
  KernelNames names(&*symbols);
  names.find_own(guest, 0x40000000, [] { return true; });
  // VBAR_EL1 holds something that the file does not know.
  names.settle(guest, {cpu(Arch::aarch64, "vbar_el1", 0xffff800000012345)});
  EXPECT_EQ(names.describe(0xffffffc010020004 + move), "schedule+0x4");
  EXPECT_NE(names.note().find("moved by 0x7654000"), std::string::npos);
}

TEST(KernelNames, TakeTheGuestsOwnAlone) {
  std::vector<FakeSymbol> own;
  for (usize i = 0; i < 900; ++i)
    own.push_back({0xffffffc010018000 + 0x40 * i, "tfunction_" + std::to_string(i)});
  FakeSubject guest(Arch::aarch64, 0x40000000, 1 << 20);
  guest.put(0x40031000, kallsyms_tables(own, {.word = 8}));
  KernelNames names(nullptr);
  EXPECT_FALSE(names.any());
  EXPECT_EQ(names.note(), "");
  names.find_own(guest, 0x40000000, [] { return true; });
  EXPECT_TRUE(names.any());
  EXPECT_EQ(names.describe(0xffffffc010018044), "function_1+0x4");
  EXPECT_EQ(names.note(), "Names: the 900 of the guest's own table (kallsyms).");
}

}  // namespace
}  // namespace pv::inspect
