// Verdicts about guests that are sampled again and again, over a fake whose registers the tests
// set.
#include <gtest/gtest.h>

#include "inspect/diagnosis/diagnose.h"
#include "inspect/fake_subject.h"
#include "inspect/poison.h"

namespace pv::inspect {
namespace {

constexpr u64 base = 0x40000000, vectors = base + 0x800;

class Aarch64 : public testing::Test {
 protected:
  Aarch64() : guest_(Arch::aarch64, base, 1 << 20) {}

  hv::RegisterFile at(u64 pc, u64 pstate = 0x3c5) {
    hv::RegisterFile file(Arch::aarch64, hv::register_table(Arch::aarch64));
    file.set("pc", pc);
    file.set("cpsr", pstate);
    file.set("sp", base + 0x8000);
    file.set("vbar_el1", vectors);
    file.set("esr_el1", 0);
    file.set("elr_el1", 0);
    return file;
  }
  Verdict verdict() {
    auto report = diagnose(guest_, {});
    EXPECT_TRUE(report);
    return report->verdict;
  }
  // Instructions, so that memory is not empty.
  void fill(u64 address, usize words, u32 word = 0xd503201f) {
    for (usize i = 0; i < words; ++i) guest_.put32(address + 4 * i, word);
  }

  FakeSubject guest_;
};

TEST_F(Aarch64, AJumpToItselfSpins) {
  guest_.put32(base + 0x100, 0x14000000);
  guest_.registers = [&](unsigned, unsigned) { return at(base + 0x100); };
  EXPECT_EQ(verdict().cause, Cause::spinning);
}

TEST_F(Aarch64, ALoopThatCountsIsBusy) {
  fill(base + 0x100, 8);
  guest_.registers = [&](unsigned, unsigned round) {
    auto file = at(base + 0x100 + 4 * (round % 3));
    file.set("x0", round);
    return file;
  };
  EXPECT_EQ(verdict().cause, Cause::busy);
}

TEST_F(Aarch64, ACircleOfWfiWithInterruptsMaskedNeverEnds) {
  guest_.put32(base + 0x100, 0xd503207f);
  guest_.put32(base + 0x104, 0x17ffffff);
  guest_.registers = [&](unsigned, unsigned) { return at(base + 0x104); };
  EXPECT_EQ(verdict().cause, Cause::waits_for_ever);
}

TEST_F(Aarch64, WfiInAnIdleLoopIsIdle) {
  guest_.put32(base + 0x100, 0xd503207f);  // wfi
  guest_.put32(base + 0x104, 0xd50342ff);  // msr daifclr, #2
  guest_.registers = [&](unsigned, unsigned) {
    auto file = at(base + 0x104);
    file.set("cntv_ctl_el0", 1);
    return file;
  };
  EXPECT_EQ(verdict().cause, Cause::idle);
}

TEST_F(Aarch64, TheSameFaultAgainAndAgainIsALoop) {
  fill(vectors, 512);
  fill(base + 0x4000, 4);
  guest_.registers = [&](unsigned, unsigned round) {
    auto file = at(round % 2 != 0 ? base + 0x4000 : vectors + 0x204);
    file.set("esr_el1", 0x2000000);  // undefined instruction
    file.set("elr_el1", base + 0x4000);
    return file;
  };
  EXPECT_EQ(verdict().cause, Cause::exception_loop);
}

TEST_F(Aarch64, AnOldFaultBesideWorkIsNone) {
  fill(base + 0x4000, 64);
  guest_.registers = [&](unsigned, unsigned round) {
    auto file = at(base + 0x4000 + 4 * (round % 16), 0x5);
    file.set("x3", round);
    file.set("esr_el1", 0x96000045);
    file.set("far_el1", 0x1000);
    file.set("elr_el1", base + 0x4000);
    return file;
  };
  EXPECT_EQ(verdict().cause, Cause::busy);
}

TEST_F(Aarch64, PoisonThatIsOnlyCarriedAboutIsNone) {
  fill(base + 0x4000, 64);
  guest_.registers = [&](unsigned, unsigned round) {
    auto file = at(base + 0x4000 + 4 * (round % 16), 0x5);
    file.set("x3", kvm_poison);
    file.set("x4", round);
    file.set("tpidr_el0", kvm_poison);
    return file;
  };
  EXPECT_EQ(verdict().cause, Cause::busy);
}

TEST_F(Aarch64, AStackThatWandersThroughNothingIsAnOverflow) {
  fill(vectors, 512);
  guest_.registers = [&](unsigned, unsigned round) {
    auto file = at(vectors + 0x204);
    file.set("sp", 0x2000001000 - 0x110 * round);
    file.set("esr_el1", 0x96000044);
    file.set("far_el1", 0x2000001000 - 0x110 * round);
    file.set("elr_el1", vectors + 0x204);
    return file;
  };
  EXPECT_EQ(verdict().cause, Cause::stack_overflow);
}

TEST_F(Aarch64, APcOutsideMemoryIsNamed) {
  guest_.registers = [&](unsigned, unsigned) { return at(0x200); };
  EXPECT_EQ(verdict().cause, Cause::nothing_at_pc);
}

TEST_F(Aarch64, APausedGuestIsPaused) {
  guest_.change().paused = true;
  guest_.registers = [&](unsigned, unsigned) { return at(0x200); };
  EXPECT_EQ(verdict().cause, Cause::paused);
}

TEST_F(Aarch64, ASpinBesideACpuThatWasNeverStartedWaitsForIt) {
  guest_.change().cpus = 2;
  guest_.put32(base + 0x100, 0x14000000);
  guest_.registers = [&](unsigned cpu, unsigned) {
    auto file = at(base + 0x100);
    if (cpu == 1) file.activity = hv::Activity::stopped;
    return file;
  };
  EXPECT_EQ(verdict().cause, Cause::never_started);
}

TEST(Riscv64, WfiWithoutAnyInterruptEnabledNeverEnds) {
  FakeSubject guest(Arch::riscv64, 0x80000000, 1 << 16);
  guest.put32(0x80000100, 0x10500073);
  guest.put32(0x80000104, 0x00000013);
  u64 enabled = 0, timer = 0;
  guest.registers = [&](unsigned, unsigned) {
    hv::RegisterFile file(Arch::riscv64, hv::register_table(Arch::riscv64));
    file.set("pc", 0x80000104);
    file.set("sie", enabled);
    file.set("timer_state", timer);
    file.set("priv", 1);
    return file;
  };
  const auto cause = [&] { return diagnose(guest, {})->verdict.cause; };
  EXPECT_EQ(cause(), Cause::waits_for_ever);
  enabled = 1 << 5;
  EXPECT_EQ(cause(), Cause::waits_for_ever);
  timer = 1;
  EXPECT_EQ(cause(), Cause::idle);
  enabled = 1 << 9;
  timer = 0;
  EXPECT_EQ(cause(), Cause::idle);
}

TEST(X86, HltWithInterruptsOffNeverEnds) {
  FakeSubject guest(Arch::x86_64, 0, 1 << 16);
  const u8 code[] = {0xfa, 0xf4, 0xeb, 0xfc};
  guest.put(0x1000, code);
  u64 flags = 2;
  guest.registers = [&](unsigned, unsigned) {
    hv::RegisterFile file(Arch::x86_64, hv::register_table(Arch::x86_64));
    file.set("rip", 0x1002);
    file.set("eflags", flags);
    file.set("cs_attributes", 0xa9b);
    file.set("cr0", 0x80000011);
    return file;
  };
  EXPECT_EQ(diagnose(guest, {})->verdict.cause, Cause::waits_for_ever);
  flags = 0x202;
  EXPECT_EQ(diagnose(guest, {})->verdict.cause, Cause::idle);
}

}  // namespace
}  // namespace pv::inspect
