// The walks of riscv64, x86_64 and powerpc over tables written here by hand, and over noise: what a
// hostile guest may leave in memory must end in an address or in a sentence.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/endian.h"
#include "inspect/address_space.h"
#include "inspect/powerpc/page_walk.h"
#include "inspect/riscv64/page_walk.h"
#include "inspect/x86_64/page_walk.h"

namespace pv::inspect {
namespace {

struct Walks : ::testing::Test {
  std::vector<u8> ram = std::vector<u8>(0x10000);  // at 0
  usize reads = 0;
  ReadPhysical read = [this](u64 address, MutableBytes into) {
    ++reads;
    if (address > ram.size() || into.size() > ram.size() - address) return false;
    std::memcpy(into.data(), &ram[address], into.size());
    return true;
  };
  void put(u64 address, u64 entry) {
    Le64 stored = entry;
    std::memcpy(&ram[address], &stored, sizeof stored);
  }
  void put32(u64 address, u32 entry) {
    Le32 stored = entry;
    std::memcpy(&ram[address], &stored, sizeof stored);
  }
  static std::string why(const Result<Translation>& result) {
    return result ? "translated" : result.error().message;
  }
};

struct Riscv64Walk : Walks {
  static constexpr u64 V = 1, R = 2, W = 4, X = 8, U = 16;
  static u64 to(u64 physical, u64 bits) { return physical >> 12 << 10 | bits | V; }
  riscv64::TranslationRegisters registers;
  Result<Translation> at(u64 address, Steps* steps = nullptr) {
    return riscv64::Walk(registers, read).translate(address, steps);
  }
};

TEST_F(Riscv64Walk, BareIsIdentity) {
  auto found = at(0xdead'beef);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->physical, 0xdead'beefu);
  EXPECT_EQ(found->size, 0u);
  EXPECT_EQ(reads, 0u);
}

// 0xffffffd8'c0403123: indices 0x163, 2, 3.
TEST_F(Riscv64Walk, Sv39FollowsThreeLevels) {
  constexpr u64 address = 0xffff'ffd8'c040'3123;
  registers.satp = 8ull << 60 | 7ull << 44 | 1;  // ASID 7, table at 0x1000
  put(0x1000 + 0x163 * 8, to(0x2000, 0));
  put(0x2000 + 2 * 8, to(0x3000, 0));
  put(0x3000 + 3 * 8, to(0x8000'5000, R | X));
  Steps steps;
  auto found = at(address, &steps);
  ASSERT_TRUE(found) << why(found);
  EXPECT_EQ(found->physical, 0x8000'5123u);
  EXPECT_EQ(found->size, 4096u);
  EXPECT_EQ(found->kernel, (Rights{true, false, true}));
  EXPECT_EQ(found->user, Rights{});
  ASSERT_EQ(steps.all().size(), 3u);
  EXPECT_EQ(steps.all()[1].address, 0x2010u);
  EXPECT_EQ(steps.all()[1].level, 1u);
}

TEST_F(Riscv64Walk, SuperpagesOfEachSize) {
  registers.satp = 8ull << 60 | 1;
  put(0x1000, to(0x4000'0000, R | W | X));
  put(0x1008, to(0x2000, 0));
  put(0x2000, to(0x8020'0000, R | W));
  auto giant = at(0x1234'5678);
  ASSERT_TRUE(giant) << why(giant);
  EXPECT_EQ(giant->physical, 0x5234'5678u);
  EXPECT_EQ(giant->size, 1_GiB);
  auto mega = at(0x4012'3456);
  ASSERT_TRUE(mega) << why(mega);
  EXPECT_EQ(mega->physical, 0x8032'3456u);
  EXPECT_EQ(mega->size, 2_MiB);
}

TEST_F(Riscv64Walk, Sv48AndSv57HaveMoreLevels) {
  put(0x1000, to(0x2000, 0));
  put(0x2000, to(0x3000, 0));
  put(0x3000, to(0x4000, 0));
  put(0x4000, to(0x5000, 0));
  put(0x5000, to(0x7000, R));
  registers.satp = 10ull << 60 | 1;
  EXPECT_EQ(at(0x10)->physical, 0x7010u);
  EXPECT_EQ(reads, 5u);
  registers.satp = 9ull << 60 | 2;
  EXPECT_EQ(at(0x10)->physical, 0x7010u);
  EXPECT_EQ(reads, 9u);
}

TEST_F(Riscv64Walk, RightsFollowUserAndStatus) {
  registers.satp = 8ull << 60 | 1;
  put(0x1000, to(0, R | W | X | U));
  EXPECT_EQ(at(0)->user, (Rights{true, true, true}));
  EXPECT_EQ(at(0)->kernel, Rights{});
  registers.sstatus = 1 << 18;
  EXPECT_EQ(at(0)->kernel, (Rights{true, true, false}));
  put(0x1000, to(0, X));
  registers.sstatus = 1 << 19;
  EXPECT_EQ(at(0)->kernel, (Rights{true, false, true}));
}

TEST_F(Riscv64Walk, NapotAndDeviceMemory) {
  registers.satp = 8ull << 60 | 1;
  put(0x1000, to(0x2000, 0));
  put(0x2000, to(0x3000, 0));
  for (u64 i = 0; i < 16; ++i) put(0x3000 + i * 8, to(0x8001'8000, R) | 1ull << 63);
  auto found = at(0x3456);
  ASSERT_TRUE(found) << why(found);
  EXPECT_EQ(found->physical, 0x8001'3456u);
  EXPECT_EQ(found->size, 64_KiB);
  put(0x3000, to(0x8001'4000, R) | 1ull << 63);
  EXPECT_NE(why(at(0)).find("Svnapot"), std::string::npos);
  put(0x3000, to(0x1000'0000, R | W) | 2ull << 61);
  EXPECT_TRUE(at(0)->device);
}

TEST_F(Riscv64Walk, SaysWhatIsWrong) {
  registers.satp = 8ull << 60 | 1;
  EXPECT_NE(why(at(0x40'0000'0000)).find("no address of Sv39"), std::string::npos);
  EXPECT_NE(why(at(0)).find("level 2: not valid"), std::string::npos);
  put(0x1000, to(0x4000'0000, W));
  EXPECT_NE(why(at(0)).find("writable but not readable"), std::string::npos);
  put(0x1000, to(0x4000'1000, R));
  EXPECT_NE(why(at(0)).find("misaligned"), std::string::npos);
  put(0x1000, to(0x40'0000, 0));
  EXPECT_NE(why(at(0)).find("outside RAM"), std::string::npos);
  put(0x1000, to(0x1000, 0));  // a table that is its own next level
  EXPECT_NE(why(at(0)).find("level 0 is a pointer"), std::string::npos);
  registers.satp = 5ull << 60;
  EXPECT_NE(why(at(0)).find("mode 5"), std::string::npos);
}

struct X86Walk : Walks {
  static constexpr u64 P = 1, RW = 2, US = 4, PS = 0x80, XD = 1ull << 63;
  static constexpr u64 PG = 1ull << 31, PAE = 1 << 5, LMA = 1 << 10, NXE = 1 << 11;
  x86_64::TranslationRegisters registers;
  Result<Translation> at(u64 address, Steps* steps = nullptr) {
    return x86_64::Walk(registers, read).translate(address, steps);
  }
};

TEST_F(X86Walk, WithoutPagingIsIdentity) {
  EXPECT_EQ(at(0x12'3456)->physical, 0x12'3456u);
  EXPECT_EQ(at(0x12'3456)->size, 0u);
}

TEST_F(X86Walk, TwoLevels) {
  registers = {.cr0 = PG, .cr3 = 0x1018, .cr4 = 0, .efer = 0};
  put32(0x1000 + 0x300 * 4, 0x2000 | P | RW | US);
  put32(0x2000 + 5 * 4, 0x7000 | P | RW);
  auto found = at(0xffff'ffff'c000'5abc);  // only 32 bits count
  ASSERT_TRUE(found) << why(found);
  EXPECT_EQ(found->physical, 0x7abcu);
  EXPECT_EQ(found->size, 4096u);
  EXPECT_EQ(found->kernel, (Rights{true, true, true}));
  EXPECT_EQ(found->user, Rights{});
  put32(0x1000 + 0x300 * 4, 0x40'0000 | P | PS);
  registers.cr4 = 1 << 4;
  EXPECT_EQ(at(0xc000'5abc)->physical, 0x40'5abcu);
  EXPECT_EQ(at(0xc000'5abc)->size, 4_MiB);
}

TEST_F(X86Walk, Pae) {
  registers = {.cr0 = PG, .cr3 = 0x1020, .cr4 = PAE, .efer = NXE};
  put(0x1020 + 3 * 8, 0x2000 | P);
  put(0x2000, 0x3000 | P | RW | US);
  put(0x2008, 0x4020'0000 | P | RW | US | PS | XD);
  put(0x3000, 0x9'0000'7000 | P | US);
  auto small = at(0xc000'0123);
  ASSERT_TRUE(small) << why(small);
  EXPECT_EQ(small->physical, 0x9'0000'7123u);
  EXPECT_EQ(small->user, (Rights{true, false, true}));
  auto large = at(0xc02a'bcde);
  ASSERT_TRUE(large) << why(large);
  EXPECT_EQ(large->physical, 0x402a'bcdeu);
  EXPECT_EQ(large->size, 2_MiB);
  EXPECT_EQ(large->user, (Rights{true, true, false}));
}

TEST_F(X86Walk, FourAndFiveLevels) {
  registers = {.cr0 = PG, .cr3 = 0x1000, .cr4 = PAE, .efer = LMA | NXE};
  put(0x1ff8, 0x2000 | P | RW);
  put(0x2ff0, 0x3000 | P | RW);
  put(0x3040, 0x100'0000 | P | RW | PS);
  put(0x2ff8, 0xc000'0000 | P | PS | XD);
  auto found = at(0xffff'ffff'8101'2345);
  ASSERT_TRUE(found) << why(found);
  EXPECT_EQ(found->physical, 0x101'2345u);
  EXPECT_EQ(found->size, 2_MiB);
  EXPECT_EQ(found->kernel, (Rights{true, true, true}));
  auto giant = at(0xffff'ffff'c123'4567);
  ASSERT_TRUE(giant) << why(giant);
  EXPECT_EQ(giant->physical, 0xc123'4567u);
  EXPECT_EQ(giant->size, 1_GiB);
  EXPECT_EQ(giant->kernel, (Rights{true, false, false}));
  EXPECT_NE(why(at(0x8000'0000'0000)).find("canonical"), std::string::npos);
  registers.cr4 |= 1 << 12;
  put(0x1000, 0x4000 | P);
  put(0x4000 + 256 * 8, 0x5000 | P);  // bit 47 is an ordinary one now
  put(0x5000, 0x6000 | P);
  put(0x6000, 0x8000 | P);
  put(0x8000, 0x7000 | P);
  EXPECT_EQ(at(0x8000'0000'0010)->physical, 0x7010u);
}

TEST_F(X86Walk, SaysWhatIsWrong) {
  registers = {.cr0 = PG, .cr3 = 0x1000, .cr4 = PAE, .efer = LMA};
  EXPECT_NE(why(at(0)).find("level 4: not present"), std::string::npos);
  put(0x1000, 0x40'0000 | P);
  EXPECT_NE(why(at(0)).find("outside RAM"), std::string::npos);
  registers.cr4 = 0;
  EXPECT_NE(why(at(0)).find("without CR4.PAE"), std::string::npos);
}

struct PowerpcWalk : Walks {
  // A valid entry of 2^size KiB.
  static hv::TlbEntry entry(u64 from, u64 to, u32 size, u32 tid, bool space, u64 permissions) {
    return {1u << 31 | tid << 16 | (space ? 1u << 12 : 0) | size << 7, 0, from, to | permissions};
  }
  static constexpr u64 kernel_all = 0x15;
  std::vector<hv::TlbEntry> tlb;
  u64 msr = 0, pid = 5;
  Result<Translation> at(u64 address) { return powerpc::Walk(tlb, msr, pid).translate(address); }
};

TEST_F(PowerpcWalk, FindsBySizeSpaceAndProcess) {
  tlb = {entry(0x1000'0000, 0x20'0000, 2, 4, false, kernel_all),        // another process
         entry(0x1000'0000, 0x30'0000, 2, 5, true, kernel_all),         // another space
         entry(0x1000'0000, 0x40'0000, 2, 5, false, 0x2a),              // 4 KiB, the user's
         entry(0xc000'0000, 0x1'0000'0000, 16, 0, false, kernel_all)};  // 64 MiB for all
  auto user = at(0x1000'0123);
  ASSERT_TRUE(user) << why(user);
  EXPECT_EQ(user->physical, 0x40'0123u);
  EXPECT_EQ(user->size, 4096u);
  EXPECT_EQ(user->user, (Rights{true, true, true}));
  EXPECT_EQ(user->kernel, Rights{});
  auto kernel = at(0xc123'4567);
  ASSERT_TRUE(kernel) << why(kernel);
  EXPECT_EQ(kernel->physical, 0x1'0123'4567u);
  EXPECT_EQ(kernel->size, 64_MiB);
  msr = 1 << 4;
  EXPECT_EQ(at(0x1000'0123)->physical, 0x30'0123u);
  EXPECT_EQ(at(0xc000'0000)->physical, 0x1'0000'0000u);  // for want of better
  EXPECT_NE(why(at(0x2000'0000)).find("none of the guest's TLB entries"), std::string::npos);
}

TEST_F(PowerpcWalk, WideAddressesNeedComputationMode) {
  tlb = {entry(0xc000'0000'0000'0000, 0, 20, 0, false, kernel_all)};
  EXPECT_EQ(at(0x1000)->physical, 0x1000u);  // 32 bits: the upper half does not count
  msr = 1ull << 31;
  EXPECT_FALSE(at(0x1000));
  EXPECT_EQ(at(0xc000'0000'0000'1000)->physical, 0x1000u);
}

// The registers choose the walk, and an architecture's names are those of its table.
TEST_F(Walks, AddressSpaceFollowsTheRegisters) {
  put(0x1000, 0x4000'0000 >> 2 | 0xf);
  hv::RegisterFile riscv(Arch::riscv64, hv::register_table(Arch::riscv64));
  ASSERT_TRUE(riscv.set("satp", 8ull << 60 | 1));
  EXPECT_EQ(address_space(riscv, read)->translate(0x123)->physical, 0x4000'0123u);
  put(0x2000, 0x3000 | 1);
  put(0x3000, 0x8000'0000 | 0x81);
  hv::RegisterFile x86(Arch::x86_64, hv::register_table(Arch::x86_64));
  ASSERT_TRUE(x86.set("cr0", 1u << 31) && x86.set("cr3", 0x2000) && x86.set("cr4", 1 << 5) &&
              x86.set("efer", 1 << 10));
  EXPECT_EQ(address_space(x86, read)->translate(0x123)->physical, 0x8000'0123u);
  hv::RegisterFile powerpc(Arch::powerpc, hv::register_table(Arch::powerpc));
  EXPECT_FALSE(address_space(powerpc, read)->translate(0));
  hv::RegisterFile aarch64(Arch::aarch64, hv::register_table(Arch::aarch64));
  EXPECT_EQ(address_space(aarch64, read)->translate(0x123)->physical, 0x123u);
}

// Every walk ends, and reads no more than its levels, whatever stands in memory.
TEST_F(Walks, NoiseIsBounded) {
  std::minstd_rand random(4);
  for (auto& byte : ram) byte = static_cast<u8>(random());
  auto wide = [&] { return u64{random()} << 40 ^ u64 { random() } << 20 ^ random(); };
  for (int i = 0; i < 20'000; ++i) {
    // Most entries lead out of RAM: help some to stay inside.
    if (i % 2 == 0) put((wide() & 0xfff8), wide() & 0xf'ffff);
    reads = 0;
    riscv64::Walk({wide() << 44 | (wide() & 0xf) | (8 + wide() % 3) << 60, wide()}, read)
        .translate(i % 3 == 0 ? wide() & 0x3f'ffff'ffff : wide());
    EXPECT_LE(reads, 5u);
    reads = 0;
    x86_64::Walk({wide() | 1u << 31, wide() & 0xffff, wide(), wide()}, read).translate(wide());
    EXPECT_LE(reads, 5u);
    std::vector<hv::TlbEntry> tlb(4);
    for (auto& entry : tlb)
      entry = {static_cast<u32>(wide()), static_cast<u32>(wide()), wide(), wide()};
    powerpc::Walk(tlb, wide(), wide()).translate(wide());
  }
}

}  // namespace
}  // namespace pv::inspect
