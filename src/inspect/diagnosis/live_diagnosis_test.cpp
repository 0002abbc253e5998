// Verdicts about guests that are sampled again and again, over a fake whose registers the tests
// set.
#include <gtest/gtest.h>

#include "base/text.h"
#include "inspect/diagnosis/diagnose.h"
#include "inspect/dump.h"
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

TEST_F(Aarch64, AFaultWhoseHandlerIsHardlyEverMetIsALoop) {
  fill(vectors, 512);
  fill(base + 0x4000, 16);
  for (unsigned met : {0u, 1u, 29u}) {
    guest_.registers = [&](unsigned, unsigned round) {
      auto file = at(round < met ? vectors + 0x204 : base + 0x4000);
      file.set("esr_el1", 0x96000045);  // a store to nowhere
      file.set("far_el1", 0x2000001000);
      file.set("elr_el1", base + 0x4000);
      return file;
    };
    EXPECT_EQ(verdict().cause, Cause::exception_loop) << met;
  }
}

TEST_F(Aarch64, ACircleOfFarPlacesSpins) {
  fill(base + 0x4000, 64);
  guest_.registers = [&](unsigned, unsigned round) {
    return at(base + 0x4000 + 0x80 * (round % 2));
  };
  const Verdict found = verdict();
  EXPECT_EQ(found.cause, Cause::spinning);
  EXPECT_NE(found.sentence.find("between 2 places"), std::string::npos) << found.sentence;
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

TEST_F(Aarch64, AGuestInADebuggerIsSaidToBe) {
  guest_.change().debugger = true;
  guest_.put32(base + 0x100, 0x14000000);
  guest_.registers = [&](unsigned, unsigned) { return at(base + 0x100); };
  const Verdict found = verdict();
  EXPECT_EQ(found.cause, Cause::debugged);
  EXPECT_TRUE(is_healthy(found.cause));
}

// What many samples have shown is not lost on the way through a file, however it was laid out.
TEST_F(Aarch64, AReportIsReadAgainWithItsVerdict) {
  guest_.put32(base + 0x100, 0x14000000);
  guest_.registers = [&](unsigned, unsigned) { return at(base + 0x100); };
  const Report live = *diagnose(guest_, {});
  ASSERT_EQ(live.verdict.cause, Cause::spinning);
  std::string json = render_json(live);
  for (int times = 0; times < 3; ++times) {
    auto dump = parse_dump(json);
    ASSERT_TRUE(dump);
    DumpSubject subject(*std::move(dump), "the dump");
    const Report again = *diagnose(subject, {});
    EXPECT_EQ(again.verdict.sentence, live.verdict.sentence);
    EXPECT_EQ(again.verdict.cause, live.verdict.cause);
    EXPECT_EQ(again.verdict.evidence.size(), live.verdict.evidence.size() + 1);
    EXPECT_EQ(again.cpus[0].verdict.sentence, live.cpus[0].verdict.sentence);
    EXPECT_EQ(again.samples, live.samples);
    json.clear();
    for (const char c : render_json(again))
      json += c == '{' || c == '[' ? std::string{c, '\n', ' '} : std::string(1, c);
  }
}

std::string report_with(std::string_view verdict) {
  return text(R"({{"samples":30,"arch":"aarch64","verdict":{0},)"
              R"("cpus":[{{"verdict":{0},"registers":{{"pc":"0x1000"}}}}]}})",
              verdict);
}

TEST(EarlierReport, LetsNoControlCharacterThrough) {
  const auto dump = parse_dump(
      report_with(R"({"cause":"busy","sentence":"a\u001b[2J\n\"b\"\u009b","evidence":["1","2"]})"));
  ASSERT_TRUE(dump);
  ASSERT_TRUE(dump->earlier);
  EXPECT_EQ(dump->earlier->verdict.sentence, "a?[2J \"b\"?");
  EXPECT_EQ(dump->earlier->verdict.evidence.size(), 2u);
  EXPECT_EQ(dump->earlier->cpus.size(), 1u);
  EXPECT_EQ(dump->earlier->samples, 30u);
  const auto unknown = parse_dump(report_with(R"({"cause":"fine","sentence":"x"})"));
  ASSERT_TRUE(unknown);
  EXPECT_FALSE(unknown->earlier);
}

TEST(EarlierReport, IsNotReadFromJsonThatIsNoReport) {
  const std::string whole = report_with(R"({"cause":"busy","sentence":"x"})");
  EXPECT_TRUE(parse_dump(whole));
  for (usize size = 1; size < whole.size(); ++size)
    EXPECT_FALSE(parse_dump(whole.substr(0, size))) << size;
  for (const char* wrong : {R"({})", R"({"arch":"aarch64"})", R"({"arch":1,"cpus":[{}]})",
                            R"({"arch":"aarch64","cpus":{}})", R"({"arch":"aarch64","cpus":[1]})"})
    EXPECT_FALSE(parse_dump(wrong)) << wrong;
  // Neither depth nor members are the text's to choose.
  EXPECT_FALSE(parse_dump("{\"arch\":" + std::string(1 << 20, '[')));
  std::string many = R"({"arch":"aarch64")";
  for (unsigned i = 0; i < 100'000; ++i) many += text(R"(,"{}":{{"x":0}})", i);
  EXPECT_FALSE(parse_dump(many + R"(,"cpus":[{"registers":{"pc":"0x1000"}}]})"));
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

TEST_F(Aarch64, TheHeadlineNamesTheCpu) {
  guest_.put32(base + 0x100, 0x14000000);
  guest_.registers = [&](unsigned, unsigned) { return at(base + 0x100); };
  EXPECT_NE(render_text(*diagnose(guest_, {})).find("VERDICT (spinning): spinning"),
            std::string::npos);
  guest_.change().cpus = 2;
  guest_.registers = [&](unsigned cpu, unsigned) {
    auto file = at(base + 0x100);
    if (cpu == 0) file.activity = hv::Activity::stopped;
    return file;
  };
  Report report = *diagnose(guest_, {});
  report.deciding = 1;
  report.verdict = report.cpus[1].verdict;
  EXPECT_NE(render_text(report).find("VERDICT (spinning): CPU 1: spinning"), std::string::npos)
      << render_text(report);
}

TEST(Riscv64, BeforeTheFirstTrapThereIsNoCause) {
  FakeSubject guest(Arch::riscv64, 0x80000000, 1 << 16);
  guest.registers = [&](unsigned, unsigned) {
    hv::RegisterFile file(Arch::riscv64, hv::register_table(Arch::riscv64));
    for (const char* name : {"pc", "scause", "sepc"})
      file.set(name, name[0] == 'p' ? 0x80000100 : 0);
    return file;
  };
  const std::string report = render_text(*diagnose(guest, {}));
  EXPECT_NE(report.find("scause    0000000000000000  no trap yet"), std::string::npos) << report;
}

TEST(Riscv64, WfiWithoutAnyInterruptEnabledNeverEnds) {
  FakeSubject guest(Arch::riscv64, 0x80000000, 1 << 16);
  guest.put32(0x80000100, 0x10500073);
  guest.put32(0x80000104, 0x00000013);
  constexpr u64 never = ~u64{0};
  u64 enabled = 0, timer = 0, deadline = never;
  guest.registers = [&](unsigned, unsigned) {
    hv::RegisterFile file(Arch::riscv64, hv::register_table(Arch::riscv64));
    file.set("pc", 0x80000104);
    file.set("sie", enabled);
    file.set("timer_state", timer);
    file.set("time", 1000);
    file.set("timecmp", deadline);
    file.set("priv", 1);
    return file;
  };
  const auto cause = [&] { return diagnose(guest, {})->verdict.cause; };
  EXPECT_EQ(cause(), Cause::waits_for_ever);
  enabled = 1 << 5;
  EXPECT_EQ(cause(), Cause::waits_for_ever);
  timer = 1;
  EXPECT_EQ(cause(), Cause::idle);
  // Set through Sstc: KVM's own timer is off. Also right after it has fired.
  timer = 0;
  for (u64 at : {5000, 500}) {
    deadline = at;
    EXPECT_EQ(cause(), Cause::idle) << at;
  }
  deadline = never;
  EXPECT_EQ(cause(), Cause::waits_for_ever);
  enabled = 1 << 9;
  EXPECT_EQ(cause(), Cause::idle);
}

// A guest asleep in ePAPR's EV_IDLE, with interrupts masked: KVM wakes it all the same.
class Powerpc : public testing::Test {
 protected:
  Powerpc() : guest_(Arch::powerpc, 0, 1 << 16) {
    for (u32 word : {0x3c004b56u, 0x60004d21u, 0x44000002u, 0x60000000u, 0x4e800020u})
      guest_.put32(0x1000 + 4 * words_++, word);
    guest_.registers = [this](unsigned, unsigned) {
      hv::RegisterFile file(Arch::powerpc, hv::register_table(Arch::powerpc));
      file.set("pc", 0x100c);
      file.set("msr", 0x1000);
      file.set("r0", 0x4b564d21);
      file.set("r11", 0x10010);
      file.set("ivpr", vectors_);
      file.set("tcr", timers_);
      file.set("ctpr", priority_);
      return file;
    };
  }
  Cause cause() { return diagnose(guest_, {})->verdict.cause; }

  FakeSubject guest_;
  u64 words_ = 0, vectors_ = 0x100000, timers_ = 0, priority_ = 15;
};

TEST_F(Powerpc, ASleepEndsByTimerOrDeviceOrNever) {
  EXPECT_EQ(cause(), Cause::waits_for_ever);
  priority_ = 0;
  EXPECT_EQ(cause(), Cause::idle);
  priority_ = 15;
  timers_ = 1 << 26;
  EXPECT_EQ(cause(), Cause::idle);
}

TEST_F(Powerpc, ACpuInTheSpinTableWasNotStarted) {
  guest_.put32(0x1018, 0x809f0004);
  guest_.put32(0x101c, 0x70850001);
  EXPECT_EQ(cause(), Cause::waits_for_ever);
  vectors_ = 0x55550000;
  EXPECT_EQ(cause(), Cause::never_started);
}

TEST_F(Powerpc, AnUndefinedInstructionIsALoopWhateverMsrRemembers) {
  const auto asleep = guest_.registers;
  guest_.put32(0x3000, 0);
  guest_.put32(0x3004, 0x60000000);
  guest_.put32(0x4690, 0x4c000064);  // rfi
  guest_.registers = [asleep](unsigned cpu, unsigned round) {
    auto file = asleep(cpu, round);
    file.set("pc", round == 7 ? 0x4690 : 0x3000);
    file.set("msr", round % 3 == 0 ? 0x10081000 : 0x10001000);
    return file;
  };
  EXPECT_EQ(cause(), Cause::exception_loop);
}

// Vectors 16 bytes apart: what lies behind the last of them is no part of it.
TEST_F(Powerpc, AVectorEndsWhereTheNextOneBegins) {
  const auto asleep = guest_.registers;
  guest_.put32(0x3000, 0x48000000);  // b .
  guest_.put32(0x2f40, 0x60000000);  // nop
  guest_.registers = [asleep](unsigned cpu, unsigned round) {
    auto file = asleep(cpu, round);
    file.set("pc", round % 3 == 0 ? 0x2f40 : 0x3000);
    file.set("ivpr", 0);
    for (u64 i = 0; i < 16; ++i)
      if (i != 9) file.set(text("ivor{}", i), 0x2e00 + 16 * i);
    file.set("ivor32", 0x2f00);
    return file;
  };
  EXPECT_NE(cause(), Cause::exception_loop);
}

// IVOR14 was set by `li`, which extended its sign: KVM goes to IVPR | IVOR14, where nothing is.
TEST_F(Powerpc, AVectorIsWhereKvmGoes) {
  const auto asleep = guest_.registers;
  guest_.registers = [asleep](unsigned cpu, unsigned round) {
    auto file = asleep(cpu, round);
    file.set("pc", 0xffff80e0);
    file.set("ivor14", 0xffff80e0);
    file.set("srr0", 0xffff80e0);
    return file;
  };
  const auto diagnosis = diagnose(guest_, {});
  EXPECT_EQ(diagnosis->verdict.cause, Cause::nothing_at_pc);
  const std::string report = render_text(*diagnosis);
  EXPECT_NE(report.find("exceptions go to 0xffff80e0"), report.npos) << report;
  EXPECT_NE(report.find("extends the sign"), report.npos) << report;
}

TEST_F(Powerpc, AWaitBesideWorkIsNoSpin) {
  const auto asleep = guest_.registers;
  guest_.put32(0x3000, 0x60000000);
  guest_.registers = [asleep](unsigned cpu, unsigned round) {
    auto file = asleep(cpu, round);
    if (round % 2 != 0) file.set("pc", 0x3000);
    return file;
  };
  EXPECT_EQ(cause(), Cause::busy);
}

// A 64-bit kernel with an IDT at 0x2000, whose gate for #UD leads to 0x6000.
class X86Faults : public testing::Test {
 protected:
  X86Faults() : guest_(Arch::x86_64, 0, 1 << 16) {
    const u8 gate[16] = {0x00, 0x60, 0x10, 0, 0, 0x8e};
    guest_.put(0x2000 + 16 * 6, gate);
    const u8 iretq[] = {0x48, 0xcf, 0x90, 0x90};
    guest_.put(0x6000, iretq);
  }
  hv::RegisterFile at(u64 pc, u64 flags = 2) {
    hv::RegisterFile file(Arch::x86_64, hv::register_table(Arch::x86_64));
    file.set("rip", pc);
    file.set("rsp", 0x8018);
    file.set("eflags", flags);
    file.set("cs", 0x10);
    file.set("ss", 0x18);
    file.set("cs_attributes", 0xa9b);
    file.set("cr0", 0x80000011);
    file.set("idt_base", 0x2000);
    file.set("idt_limit", 0x2ff);
    return file;
  }
  Verdict verdict() { return diagnose(guest_, {})->verdict; }
  FakeSubject guest_;
};

// The emulated host stops a guest nearly always at the instruction: the handler may be met once in
// thirty samples, or not at all.
TEST_F(X86Faults, AnUndefinedInstructionIsALoopHoweverRarelyItsHandlerIsMet) {
  const u8 ud2[] = {0x0f, 0x0b, 0x90, 0x90};
  guest_.put(0x1000, ud2);
  for (unsigned met : {0u, 1u, 2u, 15u, 29u}) {
    guest_.registers = [&](unsigned, unsigned round) {
      const u64 resume_flag = round % 3 == 0 ? 1 << 16 : 0;
      return round < met ? at(0x6000) : at(0x1000, 2 | resume_flag);
    };
    const Verdict found = verdict();
    EXPECT_EQ(found.cause, Cause::exception_loop) << met << ": " << found.sentence;
  }
}

TEST_F(X86Faults, AFaultLeavesItsFrameBelowTheStackPointer) {
  const u8 load[] = {0x8b, 0x00, 0x90, 0x90};
  guest_.put(0x1000, load);
  guest_.registers = [&](unsigned, unsigned) { return at(0x1000); };
  EXPECT_EQ(verdict().cause, Cause::spinning);
  u8 frame[40] = {};
  frame[1] = 0x10;  // RIP 0x1000
  frame[8] = 0x10;  // CS
  frame[16] = 2;
  frame[24] = 0x18, frame[25] = 0x80;  // RSP
  frame[32] = 0x18;                    // SS
  guest_.put(0x8010 - 40, frame);
  EXPECT_EQ(verdict().cause, Cause::exception_loop);
  // With interrupts on it may have been one of these.
  guest_.registers = [&](unsigned, unsigned) { return at(0x1000, 0x202); };
  EXPECT_EQ(verdict().cause, Cause::spinning);
}

// for (;;) {} with interrupts on is what many programs do between their interrupts.
TEST_F(X86Faults, ALoopWithInterruptsOnIsNoAlarm) {
  const u8 jump[] = {0xeb, 0xfe, 0x90, 0x90};
  guest_.put(0x1000, jump);
  guest_.registers = [&](unsigned, unsigned) { return at(0x1000, 2); };
  EXPECT_EQ(verdict().cause, Cause::spinning);
  guest_.registers = [&](unsigned, unsigned) { return at(0x1000, 0x202); };
  EXPECT_EQ(verdict().cause, Cause::busy);
  const u8 test_and_back[] = {0x8b, 0x00, 0x85, 0xc0, 0x74, 0xfa};  // mov, test, jz to the mov
  guest_.put(0x1000, test_and_back);
  EXPECT_EQ(verdict().cause, Cause::busy);
}

TEST_F(X86Faults, AProgramInUserModeMayLoop) {
  const u8 jump[] = {0xeb, 0xfe, 0x90, 0x90};
  guest_.put(0x1000, jump);
  guest_.registers = [&](unsigned, unsigned) {
    auto file = at(0x1000, 0x202);
    file.set("cs", 0x33);
    file.set("ss", 0x2b);
    file.set("ss_attributes", 0xc0f3);
    return file;
  };
  EXPECT_EQ(verdict().cause, Cause::busy);
}

// CPU 0 waits for what CPU 1 computes.
TEST_F(X86Faults, ALoopBesideAWorkingCpuIsNoAlarm) {
  const u8 jump[] = {0xeb, 0xfe, 0x90, 0x90};
  guest_.put(0x1000, jump);
  guest_.put(0x4000, jump);
  guest_.change().cpus = 2;
  guest_.registers = [&](unsigned cpu, unsigned round) {
    auto file = at(cpu == 0 ? 0x1000 : 0x4000);
    if (cpu == 1) file.set("rax", round);
    return file;
  };
  EXPECT_EQ(verdict().cause, Cause::busy);
  EXPECT_NE(verdict().sentence.find("until CPU 1 has done its work"), std::string::npos);
}

TEST_F(X86Faults, AskingTheConsoleForInputIsIdle) {
  const u8 poll[] = {0xec, 0xa8, 0x01, 0x74, 0xfb};  // in, test, jz
  guest_.put(0x1000, poll);
  guest_.registers = [&](unsigned, unsigned) { return at(0x1000); };
  EXPECT_EQ(verdict().cause, Cause::spinning);
  guest_.reads_per_look = 100;
  EXPECT_EQ(verdict().cause, Cause::spinning);
  guest_.console_use.polled = true;
  EXPECT_EQ(verdict().cause, Cause::idle);
  guest_.reads_per_look = 0;  // that was before
  EXPECT_EQ(verdict().cause, Cause::spinning);
}

TEST_F(X86Faults, FewSamplesAtOnePlaceShowNothing) {
  const u8 jump[] = {0xeb, 0xfe, 0x90, 0x90};
  guest_.put(0x1000, jump);
  guest_.registers = [&](unsigned, unsigned) { return at(0x1000); };
  Options options;
  options.samples = 4;
  EXPECT_EQ(diagnose(guest_, options)->verdict.cause, Cause::unknown);
  options.samples = 5;
  EXPECT_EQ(diagnose(guest_, options)->verdict.cause, Cause::spinning);
}

TEST_F(X86Faults, AStackPointerThatWandersOutsideMemoryIsAnOverflow) {
  guest_.put(0x1000, std::vector<u8>(32, 0x90));
  guest_.registers = [&](unsigned, unsigned round) {
    auto file = at(0x1000 + 4 * (round % 5));
    file.set("rsp", 0x10000000 - u64{64} * round);
    file.set("rdi", round);
    return file;
  };
  EXPECT_EQ(verdict().cause, Cause::stack_overflow);
}

TEST_F(X86Faults, MoreSamplesAreTakenOfACircleWithoutAFault) {
  const u8 load[] = {0x8b, 0x00, 0x90, 0x90};
  guest_.put(0x1000, load);
  guest_.registers = [&](unsigned, unsigned round) {
    return at(round == 70 ? 0x6000 : 0x1000, 0x202);
  };
  EXPECT_EQ(verdict().cause, Cause::exception_loop);
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
