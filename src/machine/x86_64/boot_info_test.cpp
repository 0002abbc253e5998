#include "machine/x86_64/boot_info.h"

#include <gtest/gtest.h>

#include "base/endian.h"
#include "machine/x86_64/memory_map.h"

namespace pv::machine::x86_64 {
namespace {

using boot::EntryProtocol;
using memory::GuestAddress;

struct BootInfo : ::testing::Test {
  memory::GuestMemory ram;
  void SetUp() override {
    ASSERT_TRUE(ram.add({GuestAddress(0), 2_MiB}, memory::Backing::anonymous));
  }
  u64 entry(u64 address) const {
    Le64 value;
    EXPECT_TRUE(ram.read(GuestAddress(address), value));
    return value;
  }
};

// Four-level translation, Intel SDM 3A, 4.5; as far as the boot tables use it.
struct Translation {
  u64 physical;
  u64 flags;  // what all levels grant
  bool present;
};

struct Walk : BootInfo {
  Translation translate(u64 cr3, u64 address) const {
    u64 table = cr3 & ~u64{0xfff}, granted = 3;
    for (int shift : {39, 30, 21}) {
      u64 e = entry(table + ((address >> shift) & 511) * 8);
      granted &= e;
      if ((e & 1) == 0) return {0, 0, false};
      if ((e & 0x80) != 0) {
        EXPECT_EQ(shift, 21);  // 1 GiB pages are a CPU feature that may be missing
        return {(e & ~u64{0x1f'ffff}) + (address & 0x1f'ffff), granted, true};
      }
      table = e & ~u64{0xfff};
    }
    ADD_FAILURE() << "no page at " << address;
    return {0, 0, false};
  }
};

TEST_F(Walk, FirstFourGibAreIdentityMappedAndWritable) {
  ASSERT_TRUE(write_tables(ram, EntryProtocol::x86_linux64));
  u64 cr3 = first_cpu_state(EntryProtocol::x86_linux64, 0).cr3;
  EXPECT_EQ(cr3 % 4096, 0u);
  for (u64 address = 0; address < 4_GiB; address += 2_MiB) {
    Translation t = translate(cr3, address + 0x1234);
    ASSERT_TRUE(t.present) << std::hex << address;
    ASSERT_EQ(t.physical, address + 0x1234);
    ASSERT_EQ(t.flags, 3u);
  }
  EXPECT_FALSE(translate(cr3, 4_GiB).present);
  EXPECT_FALSE(translate(cr3, u64{1} << 39).present);
  // They are six pages, and nothing lies behind them.
  EXPECT_EQ(entry(page_tables + 6 * 4096), 0u);
}

// The cache that a CPU loads from a descriptor must be what kvm/ is told to load.
Segment decoded(u64 d, u16 selector) {
  Segment s;
  s.base = ((d >> 16) & 0xff'ffff) | (d >> 56) << 24;
  s.granular = (d >> 55 & 1) != 0;
  u32 limit = static_cast<u32>((d & 0xffff) | (d >> 32 & 0xf'0000));
  s.limit = s.granular ? (limit << 12) | 0xfff : limit;
  s.selector = selector;
  s.type = d >> 40 & 15;
  s.code_or_data = (d >> 44 & 1) != 0;
  s.long_mode = (d >> 53 & 1) != 0;
  s.big = (d >> 54 & 1) != 0;
  return s;
}
void expect_same(const Segment& a, const Segment& b) {
  EXPECT_EQ(a.base, b.base);
  EXPECT_EQ(a.limit, b.limit);
  EXPECT_EQ(a.selector, b.selector);
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.code_or_data, b.code_or_data);
  EXPECT_EQ(a.long_mode, b.long_mode);
  EXPECT_EQ(a.big, b.big);
  EXPECT_EQ(a.granular, b.granular);
}

TEST_F(BootInfo, DescriptorsAreTheOnesEveryPcUses) {
  ASSERT_TRUE(write_tables(ram, EntryProtocol::x86_linux64));
  EXPECT_EQ(entry(gdt + 0x00), 0u);
  EXPECT_EQ(entry(gdt + 0x10), 0x00af'9b00'0000'ffffu);
  EXPECT_EQ(entry(gdt + 0x18), 0x00cf'9300'0000'ffffu);
  EXPECT_EQ(entry(gdt + 0x20), 0x0000'8b00'0000'0067u);
  ASSERT_TRUE(write_tables(ram, EntryProtocol::x86_pvh));
  EXPECT_EQ(entry(gdt + 0x10), 0x00cf'9b00'0000'ffffu);
}

TEST_F(BootInfo, LoadedSegmentsAreThoseOfTheTable) {
  for (auto protocol : {EntryProtocol::x86_linux64, EntryProtocol::x86_pvh}) {
    ASSERT_TRUE(write_tables(ram, protocol));
    BootState state = first_cpu_state(protocol, 0);
    for (const Segment& s : {state.cs, state.ds, state.tss}) {
      EXPECT_LE(s.selector + 7u, state.gdt_limit);
      EXPECT_EQ(entry(state.gdt_base + s.selector) >> 47 & 1, 1u);  // present
      expect_same(decoded(entry(state.gdt_base + s.selector), s.selector), s);
    }
  }
}

TEST_F(BootInfo, LinuxIsEnteredInLongMode) {
  BootState s = first_cpu_state(EntryProtocol::x86_linux64, 0x10'0200);
  EXPECT_FALSE(s.wait_for_sipi);
  EXPECT_EQ(s.rip, 0x10'0200u);
  EXPECT_EQ(s.rsi, zero_page);
  EXPECT_EQ(s.rbx, 0u);
  EXPECT_EQ(s.cr0, 0x8000'0011u);  // PG, ET, PE
  EXPECT_EQ(s.cr4, 0x20u);         // PAE
  EXPECT_EQ(s.efer, 0x500u);       // LME, LMA
  EXPECT_EQ(s.cs.selector, 0x10);
  EXPECT_EQ(s.ds.selector, 0x18);
  EXPECT_TRUE(s.cs.long_mode);
  EXPECT_FALSE(s.cs.big);
  EXPECT_EQ(s.cs.type, 11);
  EXPECT_EQ(s.ds.type, 3);
}

TEST_F(BootInfo, PvhIsEnteredIn32BitsWithoutPaging) {
  BootState s = first_cpu_state(EntryProtocol::x86_pvh, 0x10'0000);
  EXPECT_EQ(s.rbx, start_info);
  EXPECT_EQ(s.rsi, 0u);
  EXPECT_EQ(s.cr0, 0x11u);
  EXPECT_EQ(s.cr3, 0u);
  EXPECT_EQ(s.cr4, 0u);
  EXPECT_EQ(s.efer, 0u);
  EXPECT_TRUE(s.cs.big);
  EXPECT_FALSE(s.cs.long_mode);
  EXPECT_EQ(s.cs.limit, 0xffff'ffffu);
  EXPECT_EQ(s.tss.limit, 0x67u);
}

TEST(BootTables, NeedMemory) {
  memory::GuestMemory small;
  ASSERT_TRUE(small.add({GuestAddress(0), 4096}, memory::Backing::anonymous));
  auto written = write_tables(small, EntryProtocol::x86_linux64);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "the guest has too little memory for its boot tables");
}

}  // namespace
}  // namespace pv::machine::x86_64
