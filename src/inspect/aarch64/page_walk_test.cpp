#include "inspect/aarch64/page_walk.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace pv::inspect::aarch64 {
namespace {

constexpr u64 page = 3, block = 1, table = 3, af = 1 << 10, user = 1 << 6, read_only = 1 << 7,
              normal = 1 << 2, pxn = 1ull << 53, uxn = 1ull << 54;
constexpr u64 tg0_4k = 0, tg0_16k = 2 << 14, tg0_64k = 1 << 14, ips_48 = 5ull << 32,
              ips_52 = 6ull << 32, ds = 1ull << 59, ha = 1ull << 39, hd = 1ull << 40;

// Entries by guest-physical address; everything else is no RAM.
struct Tables : ::testing::Test {
  std::map<u64, u64> entries;
  bool big_endian = false;
  TranslationRegisters registers{1, 25 | ips_48, 0x1000, 0, 0xff00};  // MAIR: 0 device, 1 normal
  ReadPhysical read = [this](u64 address, MutableBytes into) {
    auto found = entries.find(address);
    if (found == entries.end() || into.size() != 8) return false;
    for (unsigned i = 0; i < 8; ++i)
      into[i] = static_cast<u8>(found->second >> 8 * (big_endian ? 7 - i : i));
    return true;
  };
  Steps steps;

  std::expected<Translation, Fault> look(u64 address, bool fetch = false) {
    steps = {};
    return Walk(registers, read).look_up(address, fetch, &steps);
  }
  u64 physical(u64 address) {
    auto t = look(address);
    return t ? t->physical : ~0ull;
  }
  u32 fault(u64 address) {
    auto t = look(address);
    return t ? 0xff : t.error().status();
  }
};

// As guest/arch/aarch64/entry.S makes it: level 1, blocks of 1 GiB.
TEST_F(Tables, BlocksOfAGigabyte) {
  entries = {{0x1000, block | af}, {0x1008, 0x4000'0000 | block | af | normal}};
  auto ram = look(0x4012'3456);
  ASSERT_TRUE(ram);
  EXPECT_EQ(*ram,
            (Translation{0x4012'3456, 1_GiB, {true, true, true}, {false, false, true}, false}));
  EXPECT_TRUE(look(0x0900'0000)->device);
  EXPECT_EQ(fault(0x8000'0000), 0x15u);  // no such table entry in RAM: external, level 1
  entries[0x1010] = 0;
  EXPECT_EQ(fault(0x8000'0000), 5u);     // translation, level 1
  EXPECT_EQ(fault(0x80'0000'0000), 4u);  // beyond 39 bits
  EXPECT_EQ(fault(0xff00'0000'0000'0000), 4u);
}

TEST_F(Tables, FourLevelsOf4K) {
  registers.tcr_el1 = 16 | tg0_4k | ips_48;
  constexpr u64 address = 0x0000'8123'4567'89abull & 0x0000'ffff'ffff'ffffull;
  u64 l0 = address >> 39 & 511, l1 = address >> 30 & 511, l2 = address >> 21 & 511,
      l3 = address >> 12 & 511;
  entries = {{0x1000 + 8 * l0, 0x2000 | table},
             {0x2000 + 8 * l1, 0x3000 | table},
             {0x3000 + 8 * l2, 0x4000 | table},
             {0x4000 + 8 * l3, 0xabcd'e000 | page | af | normal}};
  EXPECT_EQ(physical(address), 0xabcd'e9abu);
  ASSERT_EQ(steps.all().size(), 4u);
  EXPECT_EQ(steps.all()[0].level, 0);
  EXPECT_EQ(steps.all()[3].level, 3);
  EXPECT_EQ(steps.all()[3].address, 0x4000 + 8 * l3);
  EXPECT_EQ(steps.all()[3].entry, 0xabcd'e000u | page | af | normal);
  entries[0x4000 + 8 * l3] = 0xabcd'e000 | block | af;  // reserved at level 3
  EXPECT_EQ(fault(address), 7u);
  entries[0x4000 + 8 * l3] = 0xabcd'e000 | page;
  EXPECT_EQ(fault(address), 11u);
  registers.tcr_el1 |= ha;  // the CPU sets the flag itself
  EXPECT_EQ(physical(address), 0xabcd'e9abu);
  entries[0x3000 + 8 * l2] = 0x8020'0000 | block | af;
  EXPECT_EQ(physical(address), 0x8020'0000u | (address & 0x1f'ffff));
  EXPECT_EQ(look(address)->size, 2_MiB);
  entries[0x1000 + 8 * l0] = block | af;  // no block at level 0
  EXPECT_EQ(fault(address), 4u);
}

TEST_F(Tables, UpperHalfHasItsOwnRules) {
  registers.tcr_el1 = 16 | tg0_64k | 25 << 16 | 2u << 30 | ips_48;  // TTBR1: 39 bits of 4 KiB
  registers.ttbr1_el1 = 0x7000 | 1ull << 48 | 1;                    // with an ASID and CnP
  entries = {{0x7000, 0x4000'0000 | block | af | normal}};
  EXPECT_EQ(physical(0xffff'ff80'0000'1234), 0x4000'1234u);
  EXPECT_EQ(fault(0xffff'ff00'0000'1234), 4u);
  registers.tcr_el1 |= 1 << 23;  // EPD1
  EXPECT_EQ(fault(0xffff'ff80'0000'1234), 4u);
}

TEST_F(Tables, Granule16K) {
  registers.tcr_el1 = 17 | tg0_16k | ips_48;  // 47 bits: levels 1, 2, 3
  registers.ttbr0_el1 = 0x10000;
  constexpr u64 address = 0x5678'9abc'def0;
  u64 l1 = address >> 36 & 2047, l2 = address >> 25 & 2047, l3 = address >> 14 & 2047;
  entries = {{0x10000 + 8 * l1, 0x20000 | table},
             {0x20000 + 8 * l2, 0x30000 | table},
             {0x30000 + 8 * l3, 0x8000'c000 | page | af}};
  EXPECT_EQ(physical(address), 0x8000'c000 | (address & 0x3fff));
  EXPECT_EQ(look(address)->size, 16_KiB);
  entries[0x20000 + 8 * l2] = 0x8200'0000 | block | af;
  EXPECT_EQ(look(address)->size, 32_MiB);
  registers.tcr_el1 = 16 | tg0_16k | ips_48;  // 48 bits: one more bit, at level 0
  entries[0x10000] = 0x40000 | table;
  entries[0x40000 + 8 * l1] = 0x20000 | table;
  EXPECT_EQ(look(address)->size, 32_MiB);
  EXPECT_EQ(steps.all()[0].level, 0);
}

TEST_F(Tables, Granule64KWith52Bits) {
  registers.tcr_el1 = 12 | tg0_64k | ips_52;
  registers.ttbr0_el1 = 0x10000 | 0xa << 2;  // table at 0xa'0000'0001'0000
  constexpr u64 address = 0x000c'3456'789a'bcde, wide = 0xa'0000'0000'0000;
  u64 l1 = address >> 42 & 1023, l2 = address >> 29 & 8191, l3 = address >> 16 & 8191;
  entries = {{wide + 0x10000 + 8 * l1, 0x20000 | table | 0xb << 12},
             {(0xbull << 48) + 0x20000 + 8 * l2, 0x30000 | table},
             {0x30000 + 8 * l3, 0x9999'0000 | page | af | 0xc << 12}};
  EXPECT_EQ(physical(address), 0x000c'0000'9999'0000 | (address & 0xffff));
  registers.tcr_el1 = 12 | tg0_64k | ips_48;  // 48 bits of output: no upper bits in TTBR and tables
  entries = {{0x10000 + 8 * l1, 0x20000 | table}, {0x20000 + 8 * l2, 0x2000'0000 | block | af}};
  EXPECT_EQ(physical(address), 0x2000'0000 | (address & 0x1fff'ffff));
}

TEST_F(Tables, Lpa2HasALevelBeforeTheFirst) {
  registers.tcr_el1 = 12 | tg0_4k | ips_52 | ds;
  registers.ttbr0_el1 = 0x1000;
  constexpr u64 address = 0x000f'8123'4567'89ab;
  u64 top = address >> 48 & 15, l0 = address >> 39 & 511;
  entries = {{0x1000 + 8 * top, 0x2000 | table | 1 << 8},  // bit 50 of the next table
             {(1ull << 50) + 0x2000 + 8 * l0, (1ull << 49) | block | af | 2 << 8 | normal}};
  auto t = look(address);
  ASSERT_TRUE(t);
  EXPECT_EQ(t->physical, 1ull << 51 | 1ull << 49 | (address & 0x7f'ffff'ffff));
  EXPECT_EQ(t->size, 512_GiB);
  EXPECT_EQ(steps.all()[0].level, -1);
  entries[0x1000 + 8 * top] = 0;
  EXPECT_EQ(fault(address), 0x2bu);
}

TEST_F(Tables, TopByteIsIgnoredWhereAskedFor) {
  entries = {{0x1008, 0x4000'0000 | block | af | normal}};
  constexpr u64 tagged = 0x5a00'0000'4000'0010;
  EXPECT_EQ(fault(tagged), 4u);
  registers.tcr_el1 |= 1ull << 37;  // TBI0
  EXPECT_EQ(physical(tagged), 0x4000'0010u);
  EXPECT_TRUE(look(tagged, true));
  registers.tcr_el1 |= 1ull << 51;  // TBID0: not for instructions
  EXPECT_EQ(physical(tagged), 0x4000'0010u);
  EXPECT_FALSE(look(tagged, true));
}

TEST_F(Tables, RightsAreThoseOfAllLevels) {
  registers.tcr_el1 = 25 | ips_48 | ha;
  auto with = [&](u64 upper, u64 leaf) {
    entries = {{0x1000, 0x2000 | table | upper}, {0x2000, 0x20'0000 | block | af | leaf}};
    auto t = look(0);
    return t ? std::pair(t->kernel, t->user) : std::pair(Rights{}, Rights{});
  };
  constexpr Rights rwx{true, true, true}, rw{true, true, false}, rx{true, false, true},
      r{true, false, false}, x{false, false, true}, none{};
  EXPECT_EQ(with(0, 0), std::pair(rwx, x));
  EXPECT_EQ(with(0, uxn | read_only), std::pair(rx, none));
  EXPECT_EQ(with(0, user), std::pair(rw, rwx));  // what EL0 may write, EL1 never executes
  EXPECT_EQ(with(0, user | read_only | pxn), std::pair(r, rx));
  EXPECT_EQ(with(1ull << 62, user), std::pair(rx, rx));              // APTable: read-only
  EXPECT_EQ(with(1ull << 61, user | uxn), std::pair(rwx, none));     // APTable: not EL0
  EXPECT_EQ(with(1ull << 60 | 1ull << 59, 0), std::pair(rw, none));  // UXNTable, PXNTable
  EXPECT_EQ(with(0, read_only | 1ull << 51), std::pair(rx, x));      // DBM, but HD is off
  registers.tcr_el1 |= hd;
  EXPECT_EQ(with(0, read_only | 1ull << 51), std::pair(rwx, x));
  registers.tcr_el1 |= 1ull << 41;  // HPD0
  EXPECT_EQ(with(1ull << 62 | 1ull << 61, user), std::pair(rw, rwx));
  registers.sctlr_el1 |= 1 << 19;  // WXN
  EXPECT_EQ(with(0, 0), std::pair(rw, x));
  EXPECT_EQ(with(0, user), std::pair(rw, rw));
}

TEST_F(Tables, BigEndianGuestsHaveBigEndianTables) {
  entries = {{0x1008, 0x4000'0000 | block | af | normal}};
  big_endian = true;
  EXPECT_FALSE(look(0x4000'0000));
  registers.sctlr_el1 |= 1 << 25;
  EXPECT_EQ(physical(0x4000'0010), 0x4000'0010u);
}

TEST_F(Tables, WithoutMmuAllIsItself) {
  registers.sctlr_el1 = 0;
  auto t = look(0x0900'0018);
  ASSERT_TRUE(t);
  EXPECT_EQ(t->physical, 0x0900'0018u);
  EXPECT_EQ(t->size, 0u);
  EXPECT_TRUE(t->device);
  EXPECT_EQ(fault(0x0010'0000'0000'0000), 0u);  // address size
  EXPECT_TRUE(steps.all().empty());
}

TEST_F(Tables, OutputsMustFit) {
  registers.tcr_el1 = 25 | 2ull << 32;  // 40 bits
  entries = {{0x1000, 0x0100'0000'0000 | block | af},
             {0x1008, 0x0100'0000'0000 | table},
             {0x1010, 0x00ff'c000'0000 | block | af}};
  EXPECT_EQ(fault(0), 1u);            // address size, level 1
  EXPECT_EQ(fault(0x4000'0000), 2u);  // of level 2's table
  EXPECT_EQ(physical(0x8000'0000), 0x00ff'c000'0000u);
}

TEST_F(Tables, ImpossibleConfigurationsFault) {
  for (u64 tcr : {u64{5}, u64{15}, u64{60}, u64{25} | 3 << 14, u64{11} | tg0_64k}) {
    registers.tcr_el1 = tcr | ips_48;
    EXPECT_EQ(fault(0), 4u) << tcr;
  }
}

TEST(TranslationRegisters, ComeFromARegisterFile) {
  hv::RegisterFile file(Arch::aarch64, hv::register_table(Arch::aarch64));
  file.set("sctlr_el1", 1);
  file.set("tcr_el1", 2);
  file.set("ttbr0_el1", 3);
  file.set("ttbr1_el1", 4);
  TranslationRegisters r = translation_registers(file);
  EXPECT_EQ(r.sctlr_el1, 1u);
  EXPECT_EQ(r.tcr_el1, 2u);
  EXPECT_EQ(r.ttbr0_el1, 3u);
  EXPECT_EQ(r.ttbr1_el1, 4u);
  EXPECT_EQ(r.mair_el1, 0u);
}

TEST_F(Tables, SaysWhyInASentence) {
  entries = {{0x1000, 0x4000'0000}};
  auto t = Walk(registers, read).translate(0x123);
  ASSERT_FALSE(t);
  EXPECT_EQ(t.error().message, "0x123 is not mapped, level 1: the entry is invalid (0x40000000)");
}

}  // namespace
}  // namespace pv::inspect::aarch64
