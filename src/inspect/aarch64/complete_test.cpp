#include "inspect/aarch64/complete.h"

#include <gtest/gtest.h>

#include "inspect/aarch64/fake_cpu.h"

namespace pv::inspect::aarch64 {
namespace {

using Kind = Completion::Kind;
using Log = std::vector<std::string>;
constexpr u64 device = FakeCpu::device, code = FakeCpu::ram_base;
constexpr u64 is_write = 1 << 6;

struct Complete : ::testing::Test {
  FakeCpu cpu;

  void SetUp() override {
    cpu.set("x1", device + 0x10);
    cpu.set("x2", 0x1122'3344'5566'7788);
    cpu.set("x3", 0x99aa'bbcc'ddee'ff00);
    cpu.registers[place("v5")] = {0x0706'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908};
    cpu.registers[place("v6")] = {0x1716'1514'1312'1110, 0x1f1e'1d1c'1b1a'1918};
    cpu.registers[place("v7")] = {0x2726'2524'2322'2120, 0x2f2e'2d2c'2b2a'2928};
  }
  Completion run(u32 word, u64 address, u64 syndrome) {
    cpu.put(cpu.get("pc"), word, 4);
    auto done = complete({syndrome, address}, cpu, cpu);
    EXPECT_TRUE(done) << done.error().message;
    return done.value_or(Completion{});
  }
  // The vCPU has done it and stands at the next instruction.
  void load(u32 word, u64 at = device + 0x10) {
    Completion c = run(word, at, 0);
    EXPECT_EQ(c.kind, Kind::done) << c.reason;
    EXPECT_EQ(cpu.get("pc"), code + 4);
  }
  void store(u32 word, u64 at = device + 0x10) {
    Completion c = run(word, at, is_write);
    EXPECT_EQ(c.kind, Kind::done) << c.reason;
    EXPECT_EQ(cpu.get("pc"), code + 4);
  }
  hv::RegisterValue v(usize n) { return cpu.registers[place("v0") + n]; }
};

TEST_F(Complete, PostIndexMovesTheBase) {
  load(0xb840'4420);  // ldr w0, [x1], #4
  EXPECT_EQ(cpu.get("x0"), 0x9392'9190u);
  EXPECT_EQ(cpu.get("x1"), device + 0x14);
  EXPECT_EQ(cpu.log, Log{"r4 10"});
}

TEST_F(Complete, PreIndexedPairInOrder) {
  load(0xa9ff'0c22, device);  // ldp x2, x3, [x1, #-16]!
  EXPECT_EQ(cpu.get("x1"), device);
  EXPECT_EQ(cpu.get("x2"), 0x8786'8584'8382'8180u);
  EXPECT_EQ(cpu.get("x3"), 0x8f8e'8d8c'8b8a'8988u);
  EXPECT_EQ(cpu.log, (Log{"r8 0", "r8 8"}));
}

TEST_F(Complete, SignsAreExtendedAsFarAsTheyShould) {
  cpu.set("x0", ~0ull);
  load(0x38c0'1420);  // ldrsb w0, [x1], #1
  EXPECT_EQ(cpu.get("x0"), 0xffff'ff90u);
  cpu.set("pc", code);
  load(0x3880'1420, device + 0x11);  // ldrsb x0, [x1], #1
  EXPECT_EQ(cpu.get("x0"), 0xffff'ffff'ffff'ff91u);
  cpu.set("pc", code);
  load(0x78c0'2c20, device + 0x14);  // ldrsh w0, [x1, #2]!
  EXPECT_EQ(cpu.get("x0"), 0xffff'9594u);
  cpu.set("pc", code);
  cpu.content[0x17] = 0x12;
  load(0xb880'4420, device + 0x14);  // ldrsw x0, [x1], #4
  EXPECT_EQ(cpu.get("x0"), 0x1296'9594u);
  cpu.set("pc", code);
  load(0x68c1'0c22, device + 0x18);  // ldpsw x2, x3, [x1], #8
  EXPECT_EQ(cpu.get("x2"), 0xffff'ffff'9b9a'9998u);
  EXPECT_EQ(cpu.get("x3"), 0xffff'ffff'9f9e'9d9cu);
  EXPECT_EQ(cpu.get("x1"), device + 0x20);
}

TEST_F(Complete, StoresOfGeneralRegisters) {
  store(0x3800'1422);  // strb w2, [x1], #1
  cpu.set("pc", code);
  cpu.set("x1", device);
  store(0x2881'0c22, device);  // stp w2, w3, [x1], #8
  EXPECT_EQ(cpu.log, (Log{"w1 10=88", "w4 0=55667788", "w4 4=ddeeff00"}));
  EXPECT_EQ(cpu.get("x1"), device + 8);
}

TEST_F(Complete, SixteenBytesAreTwoHalves) {
  store(0x3d80'0025);  // str q5, [x1]
  EXPECT_EQ(cpu.log, (Log{"w8 10=706050403020100", "w8 18=f0e0d0c0b0a0908"}));
  cpu.log.clear();
  cpu.set("pc", code);
  load(0xad40'1825);  // ldp q5, q6, [x1]
  EXPECT_EQ(v(5), (hv::RegisterValue{0x0706'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908}));
  EXPECT_EQ(v(6), (hv::RegisterValue{0xa7a6'a5a4'a3a2'a1a0, 0xafae'adac'abaa'a9a8}));
  EXPECT_EQ(cpu.log, (Log{"r8 10", "r8 18", "r8 20", "r8 28"}));
}

TEST_F(Complete, ShortVectorLoadsClearTheRest) {
  load(0xfc40'8425);  // ldr d5, [x1], #8
  EXPECT_EQ(v(5), (hv::RegisterValue{0x9796'9594'9392'9190, 0}));
  EXPECT_EQ(cpu.get("x1"), device + 0x18);
  cpu.set("pc", code);
  store(0x7c1f'e425, device + 0x18);  // str h5, [x1], #-2
  EXPECT_EQ(cpu.log.back(), "w2 18=9190");
  EXPECT_EQ(cpu.get("x1"), device + 0x16);
}

TEST_F(Complete, RegisterThirtyOneIsZeroOrTheStack) {
  cpu.registers[place("sp")] = {device, 0};
  load(0xf840'843f);  // ldr xzr, [x1], #8
  EXPECT_EQ(cpu.get("sp"), device);
  cpu.set("pc", code);
  store(0xf800'843f, device + 0x18);  // str xzr, [x1], #8
  EXPECT_EQ(cpu.log, (Log{"r8 10", "w8 18=0"}));
  cpu.set("pc", code);
  load(0xf841'07e0, device);  // ldr x0, [sp], #16
  EXPECT_EQ(cpu.get("sp"), device + 16);
  EXPECT_EQ(cpu.get("x0"), 0x8786'8584'8382'8180u);
}

// The architecture leaves these open; complete.h says what is chosen.
TEST_F(Complete, BaseAmongTheTransferred) {
  load(0xf840'8421);  // ldr x1, [x1], #8
  EXPECT_EQ(cpu.get("x1"), 0x9796'9594'9392'9190u);
  cpu.set("pc", code);
  cpu.set("x1", device);
  store(0xf800'8421, device);  // str x1, [x1], #8
  EXPECT_EQ(cpu.log.back(), "w8 0=9000000");
  EXPECT_EQ(cpu.get("x1"), device + 8);
  cpu.set("pc", code);
  load(0xa940'0822, device + 8);  // ldp x2, x2, [x1]
  EXPECT_EQ(cpu.get("x2"), 0x9796'9594'9392'9190u);
  cpu.set("pc", code);
  load(0xa8c1'0c21, device + 8);  // ldp x1, x3, [x1], #16
  EXPECT_EQ(cpu.get("x1"), 0x8f8e'8d8c'8b8a'8988u);
}

TEST_F(Complete, IndexesAreExtendedAndShifted) {
  cpu.set("x2", 0xffff'ffff'0000'0004);
  cpu.set("x1", device - (0xffff'ffff'0000'0000 << 2));
  load(0xb862'7820);  // ldr w0, [x1, x2, lsl #2]
  cpu.set("pc", code);
  cpu.set("x2", 0x1'ffff'fffe);
  cpu.set("x1", device + 0x18);
  load(0xb862'd820);  // ldr w0, [x1, w2, sxtw #2]
  cpu.set("pc", code);
  cpu.set("x1", device + 0x10 - 0xffff'fffe);
  load(0x3862'4820);  // ldrb w0, [x1, w2, uxtw]
  EXPECT_EQ(cpu.log, (Log{"r4 10", "r4 10", "r1 10"}));
}

TEST_F(Complete, StructuresGoElementByElement) {
  load(0x4cdf'883f);  // ld2 {v31.4s, v0.4s}, [x1], #32
  EXPECT_EQ(v(31), (hv::RegisterValue{0x9b9a'9998'9392'9190, 0xabaa'a9a8'a3a2'a1a0}));
  EXPECT_EQ(v(0), (hv::RegisterValue{0x9f9e'9d9c'9796'9594, 0xafae'adac'a7a6'a5a4}));
  EXPECT_EQ(cpu.get("x1"), device + 0x30);
  EXPECT_EQ(cpu.log.size(), 8u);
  cpu.log.clear();
  cpu.set("pc", code);
  cpu.set("x1", device);
  store(0x0c00'4025, device);  // st3 {v5.8b-v7.8b}, [x1]
  EXPECT_EQ((Log{cpu.log.begin(), cpu.log.begin() + 4}),
            (Log{"w1 0=0", "w1 1=10", "w1 2=20", "w1 3=1"}));
  EXPECT_EQ(cpu.log.size(), 24u);
  cpu.log.clear();
  cpu.set("pc", code);
  store(0x4c9f'a025, device);  // st1 {v5.16b, v6.16b}, [x1], #32
  EXPECT_EQ(cpu.log.size(), 32u);
  EXPECT_EQ(cpu.log[17], "w1 11=11");
}

TEST_F(Complete, LanesAndReplication) {
  cpu.set("x2", 0x100);
  load(0x0dc2'5825);  // ld1 {v5.h}[3], [x1], x2
  EXPECT_EQ(v(5), (hv::RegisterValue{0x9190'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908}));
  EXPECT_EQ(cpu.get("x1"), device + 0x110);
  cpu.set("pc", code);
  load(0x4d40'c825, device + 0x110);  // ld1r {v5.4s}, [x1]
  EXPECT_EQ(v(5), (hv::RegisterValue{0x9392'9190'9392'9190, 0x9392'9190'9392'9190}));
  cpu.set("pc", code);
  load(0x0c40'7025, device + 0x110);  // ld1 {v5.8b}, [x1]
  EXPECT_EQ(v(5), (hv::RegisterValue{0x9796'9594'9392'9190, 0}));
}

TEST_F(Complete, BigEndianDataOfEl1AndEl0) {
  cpu.set("sctlr_el1", 1 << 25);  // EE
  load(0xb840'4420);              // ldr w0, [x1], #4
  EXPECT_EQ(cpu.get("x0"), 0x9091'9293u);
  cpu.set("pc", code);
  cpu.set("x1", device);
  store(0x3d80'0025, device);  // str q5, [x1]: the most significant byte first
  EXPECT_EQ(cpu.log.back(), "w8 8=1020304050607");
  cpu.set("pc", code);
  load(0x4d40'c825, device);  // ld1r {v5.4s}, [x1]
  EXPECT_EQ(v(5).high, 0x0f0e'0d0c'0f0e'0d0cu);
  cpu.set("pc", code);
  cpu.set("x1", device + 0x10);
  cpu.set("cpsr", 0);  // EL0
  load(0x68c1'0c22);   // ldpsw x2, x3, [x1], #8: EE is not for it
  EXPECT_EQ(cpu.get("x2"), 0xffff'ffff'9392'9190u);
  cpu.set("pc", code);
  cpu.set("sctlr_el1", 1 << 24);  // E0E
  load(0x68c1'0c22, device + 0x18);
  EXPECT_EQ(cpu.get("x2"), 0xffff'ffff'9899'9a9bu);
}

TEST_F(Complete, LiteralsOrderedAndUnprivileged) {
  cpu.put(code, 0, 8);
  load(0xb840'0820);  // ldtr w0, [x1]
  cpu.set("pc", code);
  load(0x88df'fc20);  // ldar w0, [x1]
  cpu.set("pc", code);
  store(0x889f'fc22);  // stlr w2, [x1]
  cpu.set("pc", code);
  load(0xa840'0c22);  // ldnp x2, x3, [x1]
  cpu.set("pc", code);
  store(0xac00'1825);  // stnp q5, q6, [x1]
  EXPECT_EQ(cpu.log[2], "w4 10=55667788");
  EXPECT_EQ(cpu.log.size(), 9u);
}

TEST_F(Complete, SingleStepAndBranchTargetAreUsedUp) {
  cpu.set("cpsr", 0x3c5 | 1 << 21 | 2 << 10 | 0xa000'0000);
  load(0xb840'4420);
  EXPECT_EQ(cpu.get("cpsr"), 0x3c5u | 0xa000'0000);
}

TEST_F(Complete, WhatCannotHaveCausedItIsTriedAgain) {
  struct Case {
    u32 word;
    u64 address, syndrome;
  };
  const Case cases[] = {
      {0xd503'201f, device + 0x10, 0},         // nop
      {0xf980'0020, device + 0x10, 0},         // prfm
      {0xb840'4420, device + 0x10, is_write},  // a load, but a write was reported
      {0x3800'1422, device + 0x10, 0},         // and the other way round
      {0xb840'4420, device + 0x14, 0},         // 4 bytes at 0x10 do not reach 0x14
      {0xb840'4420, device + 0x0f, 0},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(run(c.word, c.address, c.syndrome).kind, Kind::again) << text("{:#x}", c.word);
    EXPECT_EQ(cpu.get("pc"), code);
    EXPECT_EQ(cpu.get("x1"), device + 0x10);
  }
  EXPECT_TRUE(cpu.log.empty());
  cpu.set("pc", 0x5000'0000);  // not RAM any more
  auto done = complete({0, device}, cpu, cpu);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->kind, Kind::again);
}

TEST_F(Complete, RefusalsNameTheInstruction) {
  struct Case {
    u32 word;
    const char* reason;
    u32 status;
    bool address;
  };
  const Case cases[] = {
      {0xc85f'7c20, "ldxr is an exclusive load or store", 0x35, true},
      {0xb822'0020, "ldadd is an atomic read-modify-write", 0x35, true},
      {0xf820'0420, "ldraa is a load with pointer authentication", 0x10, false},
      {0xd920'0821, "stg is an access to memory tags", 0x10, false},
      {0x8580'4000, "SVE ldr is a scalable vector (SVE, SME) load or store", 0x10, false},
      {0x0c00'1020, "it is a load or store that polyvisor does not know", 0x10, false},
  };
  for (const Case& c : cases) {
    Completion got = run(c.word, device + 0x10, is_write);
    EXPECT_EQ(got.kind, Kind::refused);
    EXPECT_EQ(got.reason, c.reason);
    EXPECT_EQ(got.instruction, c.word);
    EXPECT_EQ(got.pc, code);
    ASSERT_TRUE(got.abort);
    EXPECT_EQ(got.abort->status, c.status);
    EXPECT_TRUE(got.abort->write);
    EXPECT_EQ(got.abort->address, c.address ? std::optional<u64>(device + 0x10) : std::nullopt);
  }
  EXPECT_TRUE(cpu.log.empty());
  EXPECT_EQ(cpu.get("pc"), code);
}

TEST_F(Complete, OtherStatesAreRefused) {
  cpu.set("cpsr", 0x10);  // AArch32 user
  Completion user = run(0xb840'4420, device + 0x10, 0);
  EXPECT_EQ(user.reason, "it is 32-bit (AArch32) code");
  EXPECT_TRUE(user.abort);
  cpu.set("cpsr", 0x13);  // AArch32 supervisor: there is no EL1 that could be told
  EXPECT_FALSE(run(0xb840'4420, device + 0x10, 0).abort);
  cpu.set("cpsr", 0x3c9);
  EXPECT_EQ(run(0xb840'4420, device + 0x10, 0).reason, "the guest runs at EL2");
}

TEST_F(Complete, KernelDevicesAreOutOfReach) {
  cpu.set("x1", FakeCpu::gic);
  Completion c = run(0xb840'4420, FakeCpu::gic, 0);
  EXPECT_EQ(c.kind, Kind::refused);
  EXPECT_NE(c.reason.find("ldr accesses the interrupt controller"), std::string::npos) << c.reason;
  ASSERT_TRUE(c.abort);
  EXPECT_EQ(c.abort->address, FakeCpu::gic);
}

TEST_F(Complete, HostFailuresAreErrors) {
  cpu.put(code, 0xb840'4420, 4);
  cpu.broken = true;
  EXPECT_FALSE(complete({0, device + 0x10}, cpu, cpu));
}

// Translation by 4 KiB pages: 0x8000'0000 is the device, the page after it RAM, then nothing.
struct CompleteMapped : Complete {
  static constexpr u64 tables = code + 0x4000, at = 0x8000'0000;
  void SetUp() override {
    Complete::SetUp();
    cpu.set("sctlr_el1", 1 | 1 << 23);
    cpu.set("tcr_el1", 25 | 5ull << 32);
    cpu.set("ttbr0_el1", tables);
    cpu.put(tables + 8, 0x4000'0000 | 0x401, 8);         // level 1: RAM as it is
    cpu.put(tables + 16, (tables + 0x1000) | 3, 8);      // level 2
    cpu.put(tables + 0x1000, (tables + 0x2000) | 3, 8);  // level 3
    map(0, device);
    map(1, code + 0x8000);
  }
  void map(u64 page, u64 to, u64 flags = 0x403) {
    cpu.put(tables + 0x2000 + 8 * page, to | flags, 8);
  }
};

TEST_F(CompleteMapped, OnePageNeedsNoTable) {
  map(0, 0, 0);  // gone from the tables, as another CPU may have just done
  cpu.set("x1", at + 0x10);
  load(0xb840'4420);
  EXPECT_EQ(cpu.log, Log{"r4 10"});
  EXPECT_EQ(cpu.get("x1"), at + 0x14);
}

TEST_F(CompleteMapped, AcrossPagesEachIsWhatTheTablesSay) {
  cpu.set("x1", at + 0xff8);
  store(0xa900'0c22, device + 0xff8);  // stp x2, x3, [x1]
  EXPECT_EQ(cpu.log, Log{"w8 ff8=1122334455667788"});
  EXPECT_EQ(cpu.ram[0x8000], 0x00);
  EXPECT_EQ(cpu.ram[0x8001], 0xff);
  cpu.log.clear();
  cpu.set("pc", code);
  cpu.set("x1", at + 0xffd);  // the first register crosses, the second is RAM
  load(0xa940'0822, device + 0xfff);
  EXPECT_EQ(cpu.log, (Log{"r1 ffd", "r1 ffe", "r1 fff"}));
  // The abort may name the second page: then it is the first that is looked up.
  map(0, code + 0x9000);
  map(1, device);
  cpu.log.clear();
  cpu.set("pc", code);
  cpu.set("x1", at + 0xff8);
  cpu.set("x2", 0x1122'3344'5566'7788);
  store(0xa900'0c22, device);
  EXPECT_EQ(cpu.log, Log{"w8 0=99aabbccddeeff00"});
  EXPECT_EQ(cpu.ram[0x9ff8], 0x88);
}

TEST_F(CompleteMapped, AFaultOfTheOtherPageIsTheGuests) {
  map(1, 0, 0);
  cpu.set("x1", at + 0xff8);
  Completion c = run(0xa900'0c22, device + 0xff8, is_write);
  EXPECT_EQ(c.kind, Kind::faulted);
  EXPECT_TRUE(cpu.log.empty());
  EXPECT_EQ(cpu.get("esr_el1"), 0x25u << 26 | 1 << 25 | 1 << 6 | 7);  // translation, level 3
  EXPECT_EQ(cpu.get("far_el1"), at + 0x1000);
  EXPECT_EQ(cpu.get("elr_el1"), code);
  EXPECT_EQ(cpu.get("spsr_el1"), 0x3c5u);
  EXPECT_EQ(cpu.get("pc"), 0x4000'8200u);
  EXPECT_EQ(cpu.get("x1"), at + 0xff8);
}

TEST_F(CompleteMapped, RightsCountForTheOtherPage) {
  map(1, code + 0x8000, 0x483);  // read-only
  cpu.set("x1", at + 0xff8);
  EXPECT_EQ(run(0xa900'0c22, device + 0xff8, is_write).kind, Kind::faulted);
  EXPECT_EQ(cpu.get("esr_el1") & 0x3f, 15u);  // permission, level 3
  cpu.set("pc", code);
  cpu.set("cpsr", 0x3c5);
  load(0xa940'0822, device + 0xff8);
  cpu.set("pc", code);
  cpu.set("cpsr", 0x3c0);  // EL0: the page is EL1's
  EXPECT_EQ(run(0xa940'0822, device + 0xff8, 0).kind, Kind::faulted);
  EXPECT_EQ(cpu.get("esr_el1") >> 26, 0x24u);
  EXPECT_EQ(cpu.get("pc"), 0x4000'8400u);
  map(1, code + 0x8000, 0x443);  // EL0's; EL1 with PAN may not
  cpu.set("pc", code);
  cpu.set("cpsr", 0x3c5 | 1 << 22);
  EXPECT_EQ(run(0xa940'0822, device + 0xff8, 0).kind, Kind::faulted);
}

TEST_F(CompleteMapped, CodeThatIsNoLongerMappedIsTriedAgain) {
  cpu.put(tables + 8, 0, 8);
  EXPECT_EQ(run(0xb840'4420, device + 0x10, 0).kind, Kind::again);
}

// exception.h
TEST(DataAborts, ChooseTheVectorAndTheState) {
  struct Case {
    u64 pstate, vector, ec;
  };
  const Case cases[] = {
      {0x3c5, 0x200, 0x25}, {0x3c4, 0, 0x25}, {0, 0x400, 0x24}, {0x10, 0x600, 0x24}};
  for (const Case& c : cases) {
    FakeCpu cpu;
    cpu.set("cpsr", c.pstate | 0xf000'0000 | 1 << 24 | 1 << 21 | 1 << 20 | 1 << 23);
    ASSERT_TRUE(take({external_abort, false, {}}, cpu));
    EXPECT_EQ(cpu.get("pc"), 0x4000'8000 + c.vector);
    EXPECT_EQ(cpu.get("esr_el1"), c.ec << 26 | 1 << 25 | 1 << 10 | 0x10);
    EXPECT_EQ(cpu.get("cpsr"), 0xf000'0000u | 1 << 24 | 0x3c5);
  }
  FakeCpu cpu;
  cpu.set("sctlr_el1", 1ull << 44);
  ASSERT_TRUE(take({unsupported_exclusive, true, 0x1234}, cpu));
  EXPECT_EQ(cpu.get("cpsr"), 0x3c5u | 1 << 22 | 1 << 12);  // PAN, SSBS
  EXPECT_EQ(cpu.get("far_el1"), 0x1234u);
  EXPECT_EQ(cpu.get("esr_el1") & 0xfff, 0x35u | 1 << 6);
}

}  // namespace
}  // namespace pv::inspect::aarch64
