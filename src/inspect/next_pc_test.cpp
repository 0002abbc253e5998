// Encodings by the assembler (riscv64-linux-gnu-as, powerpc-linux-gnu-as), in the comments.
#include "inspect/next_pc.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace pv::inspect {
namespace {

struct Next : ::testing::Test {
  std::map<u64, u32> code;
  hv::RegisterFile file;
  u64 pc = 0;
  Fetch fetch = [this](u64 address) -> std::optional<u32> {
    auto found = code.find(address);
    return found == code.end() ? std::nullopt : std::optional(found->second);
  };
  void use(Arch arch, u64 at) {
    pc = at;
    file = hv::RegisterFile(arch, hv::register_table(arch));
    set("pc", at);
  }
  void set(const char* name, u64 value) { ASSERT_TRUE(file.set(name, value)) << name; }
  std::vector<u64> after(u32 instruction) {
    code[pc] = instruction;
    auto found = next_pc(file, fetch);
    return found ? found->addresses : std::vector<u64>{};
  }
  using At = std::vector<u64>;
};

TEST_F(Next, RiscvJumpsAndBranches) {
  use(Arch::riscv64, 0x8000'1000);
  set("a0", 5);
  set("a1", ~0ull);
  EXPECT_EQ(after(0x0000'0013), At{pc + 4});   // nop
  EXPECT_EQ(after(0x0001), At{pc + 2});        // c.nop
  EXPECT_EQ(after(0x0100'006f), At{pc + 16});  // j .+16
  EXPECT_EQ(after(0xff9f'f0ef), At{pc - 8});   // jal .-8
  EXPECT_EQ(after(0x0085'0067), At{13 & ~1});  // jalr zero, 8(a0)
  EXPECT_EQ(after(0x0085'1463), At{pc + 8});   // bne a0, s0, .+8 (s0 is 0)
  EXPECT_EQ(after(0x0085'0463), At{pc + 4});   // beq a0, s0, .+8
  EXPECT_EQ(after(0x00b5'4463), At{pc + 4});   // blt a0, a1, .+8: 5 < -1
  EXPECT_EQ(after(0x00b5'6463), At{pc + 8});   // bltu a0, a1, .+8
  EXPECT_EQ(after(0x00b5'5463), At{pc + 8});   // bge
  EXPECT_EQ(after(0x00b5'7463), At{pc + 4});   // bgeu
  EXPECT_EQ(after(0xfe00'0ee3), At{pc - 4});   // beq zero, zero, .-4
  set("sepc", 0x1234);
  EXPECT_EQ(after(0x1020'0073), At{0x1234});  // sret
  EXPECT_EQ(after(0x0000'0073), At{pc + 4});  // ecall
  code.clear();
  EXPECT_FALSE(next_pc(file, fetch));
}

TEST_F(Next, RiscvCompressed) {
  use(Arch::riscv64, 0x2000);
  set("s1", 0x400);
  EXPECT_EQ(after(0xa021), At{pc + 8});  // c.j .+8
  EXPECT_EQ(after(0xbff5), At{pc - 4});  // c.j .-4
  EXPECT_EQ(after(0xc099), At{pc + 2});  // c.beqz s1, .+6
  EXPECT_EQ(after(0xe099), At{pc + 6});  // c.bnez s1, .+6
  EXPECT_EQ(after(0x8482), At{0x400});   // c.jr s1
  EXPECT_EQ(after(0x9482), At{0x400});   // c.jalr s1
  EXPECT_EQ(after(0x84a6), At{pc + 2});  // c.mv s1, s1
  EXPECT_EQ(after(0x9002), At{pc + 2});  // c.ebreak
  code[pc] = 0xa001;                     // c.j .
  EXPECT_TRUE(next_pc(file, fetch)->itself);
}

// lr.w a2,(a0); bne a2,a1,.+12 (out); sc.w a3,a4,(a0); bnez a3,.-12
TEST_F(Next, RiscvReservedSequenceIsOneStep) {
  use(Arch::riscv64, 0x3000);
  code[pc + 4] = 0x00b6'1663;
  code[pc + 8] = 0x18e5'26af;
  EXPECT_EQ(after(0x1005'262f), (At{pc + 12, pc + 16}));
  code[pc + 4] = 0x0000'0073;  // something else, and no store in reach
  code[pc + 8] = 0x0000'0067;
  EXPECT_EQ(after(0x1005'262f), At{pc + 4});
  EXPECT_EQ(after(0x00b5'262f), At{pc + 4});  // amoadd.w: an instruction like others
}

TEST_F(Next, PowerpcBranches) {
  use(Arch::powerpc, 0xc000'1000);
  set("lr", 0xc000'2003);
  set("ctr", 1);
  set("cr", 0x2000'0000);  // EQ of cr0
  set("srr0", 0x5000);
  EXPECT_EQ(after(0x6000'0000), At{pc + 4});       // nop
  EXPECT_EQ(after(0x4800'0010), At{pc + 16});      // b .+16
  EXPECT_EQ(after(0x4bff'fff9), At{pc - 8});       // bl .-8
  EXPECT_EQ(after(0x4800'0102), At{0x100});        // ba 0x100
  EXPECT_EQ(after(0x4182'0008), At{pc + 8});       // beq .+8
  EXPECT_EQ(after(0x4082'0008), At{pc + 4});       // bne .+8
  EXPECT_EQ(after(0x4200'fff8), At{pc + 4});       // bdnz .-8 with CTR 1
  EXPECT_EQ(after(0x4e80'0020), At{0xc000'2000});  // blr
  EXPECT_EQ(after(0x4d82'0020), At{0xc000'2000});  // beqlr
  EXPECT_EQ(after(0x4c82'0020), At{pc + 4});       // bnelr
  EXPECT_EQ(after(0x4e80'0420), At{0});            // bctr
  EXPECT_EQ(after(0x4c00'0064), At{0x5000});       // rfi
  EXPECT_EQ(after(0x4400'0002), At{pc + 4});       // sc
  set("ctr", 9);
  EXPECT_EQ(after(0x4200'fff8), At{pc - 8});
  EXPECT_EQ(after(0x4200'0000), At{pc + 4});  // bdnz . runs through
  code[pc] = 0x4800'0000;                     // b .
  EXPECT_TRUE(next_pc(file, fetch)->itself);
  use(Arch::powerpc, 0xffff'fffc);
  EXPECT_EQ(after(0x6000'0000), At{0});  // 32 bits wrap
}

// lwarx r9,0,r3; cmpw r9,r4; bne- .+12; stwcx. r5,0,r3; bne- .-16
TEST_F(Next, PowerpcReservedSequenceIsOneStep) {
  use(Arch::powerpc, 0x1000);
  code = {{pc + 4, 0x7c09'2000}, {pc + 8, 0x4082'000c}, {pc + 12, 0x7ca0'192d}};
  EXPECT_EQ(after(0x7d20'1828), (At{pc + 20, pc + 16}));
}

TEST_F(Next, OthersStepByThemselves) {
  use(Arch::aarch64, 0);
  EXPECT_FALSE(next_pc(file, fetch));
}

TEST_F(Next, NoiseIsBounded) {
  std::minstd_rand random(7);
  for (Arch arch : {Arch::riscv64, Arch::powerpc}) {
    use(arch, 0x1000);
    for (int i = 0; i < 20'000; ++i) {
      usize fetched = 0;
      auto found = next_pc(file, [&](u64) -> std::optional<u32> {
        ++fetched;
        return static_cast<u32>(random() << 8 ^ random());
      });
      ASSERT_TRUE(found);
      EXPECT_GE(found->addresses.size(), 1u);
      EXPECT_LE(found->addresses.size(), 18u);
      EXPECT_LE(fetched, 18u);
    }
  }
}

}  // namespace
}  // namespace pv::inspect
