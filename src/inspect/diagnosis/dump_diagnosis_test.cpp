// The golden case: the register dump of a real hang (Linux 5.12 under KVM on a Cortex-A53), and
// dumps that look like it but are not.
#include <gtest/gtest.h>

#include "base/text.h"
#include "inspect/diagnosis/diagnose.h"
#include "inspect/dump.h"
#include "inspect/poison.h"

namespace pv::inspect {
namespace {

constexpr std::string_view golden =
    "PC=ffffffc010010a34 X00=X03=1de7ec7edbadc0de X01=X02=ffffffc01084ca38\n"
    "X20=1de7ec3eec328b16 X21=ffffffc0108f02b0 X22=ffffffc01073fd40 X23=00000000200001c5\n"
    "X29=ffffffc0108f0090 X30=ffffffc01065abf4 SP=ffffffc01084c2b0 PSTATE=400003c5\n"
    "code at PC: 8b2063ff d53bd040 cb2063e0 f274cc1f 54002ca1 cb2063ff d53bd060\n";

Report diagnosed(std::string_view text) {
  auto dump = parse_dump(text);
  EXPECT_TRUE(dump);
  DumpSubject subject(*std::move(dump), "the dump");
  auto report = diagnose(subject, {});
  EXPECT_TRUE(report);
  return *std::move(report);
}

std::string changed(std::string_view from, std::string_view to) {
  std::string text(golden);
  const usize at = text.find(from);
  EXPECT_NE(at, text.npos);
  return text.replace(at, from.size(), to);
}

bool has(const std::vector<std::string>& lines, std::string_view words) {
  for (const std::string& line : lines)
    if (line.find(words) != line.npos) return true;
  return false;
}

TEST(GoldenDump, ReachesTheCause) {
  const Verdict verdict = diagnosed(golden).verdict;
  EXPECT_EQ(verdict.cause, Cause::unwritten_register);
  EXPECT_NE(verdict.sentence.find("TPIDR_EL1 was never written"), std::string::npos);
  EXPECT_NE(verdict.sentence.find("before smp_setup_processor_id()"), std::string::npos);
  EXPECT_TRUE(has(verdict.evidence, "synchronous exception taken at EL1"));
  EXPECT_TRUE(has(verdict.evidence, "overflow path of Linux's kernel_ventry"));
  EXPECT_TRUE(has(verdict.evidence, "X0 and X3 hold 0x1de7ec7edbadc0de"));
  EXPECT_TRUE(has(verdict.evidence, "X20 = 0x1de7ec3eec328b16 = that value + X1"));
  EXPECT_TRUE(has(verdict.evidence, "0x90 bytes above a 16 KiB boundary"));
  EXPECT_TRUE(has(verdict.evidence, "came from 0xffffffc01073fd40"));
}

TEST(GoldenDump, IsReadAgainFromItsOwnJson) {
  const Report first = diagnosed(golden);
  const Report second = diagnosed(render_json(first));
  EXPECT_EQ(second.verdict.sentence, first.verdict.sentence);
  EXPECT_EQ(second.verdict.evidence, first.verdict.evidence);
}

TEST(GoldenDump, WithoutPoisonThereIsNoSuchVerdict) {
  std::string text = changed("X00=X03=1de7ec7edbadc0de", "X00=X03=ffffffc010000000");
  text.replace(text.find("1de7ec3eec328b16"), 16, "ffffffc010000000");
  EXPECT_NE(diagnosed(text).verdict.cause, Cause::unwritten_register);
}

TEST(GoldenDump, PoisonOutsideOfExceptionsIsNoVerdict) {
  // The same registers in ordinary code: a value that is only carried about.
  const std::string text = changed("8b2063ff d53bd040 cb2063e0", "d503201f d503201f d503201f");
  const Verdict verdict = diagnosed(text).verdict;
  EXPECT_EQ(verdict.cause, Cause::unknown);
  EXPECT_TRUE(has(verdict.evidence, "X0 and X3 hold 0x1de7ec7edbadc0de"));
  EXPECT_TRUE(has(verdict.evidence, "X20 = 0x1de7ec3eec328b16 = that value + X1"));
}

TEST(DumpOfOneMoment, AJumpToItselfWithInterruptsMaskedIsASpin) {
  for (const char* text :
       {"PC=401004d8 X00=0 SP=4010fec0 PSTATE=800003c5\n00000000401004d8: 0x14000000 0x940002b2\n",
        " pc       0000000080200322\n mhartid  0000000000000000\n mstatus  8000000a00006080\n"
        "0x0000000080200322:  a001              j                       0\n",
        "NIP 001005a4   LR 00100580 CTR 001005a4 XER 00000000 CPU#0\nMSR 00000000 HID0 00000000\n"
        "0x001005a4:  48000000  b        0x1005a4\n",
        "RAX=0 RIP=0000000000100000 RFL=00000002\nCS =0008 0000000000000000 ffffffff 00af9b00\n"
        "0x00100000:  eb fe                    jmp 0x100000\n"})
    EXPECT_EQ(diagnosed(text).verdict.cause, Cause::spinning) << text;
}

TEST(DumpOfOneMoment, AJumpToItselfProvesNothingWhereAHandlerMayRun) {
  for (const char* text :
       {"PC=401004d8 X00=0 SP=4010fec0 PSTATE=80000305\n00000000401004d8: 0x14000000 0x940002b2\n",
        "PC=401004d8 X00=0 SP=4010fec0\n00000000401004d8: 0x14000000 0x940002b2\n",
        " pc       0000000080200322\n mhartid  0000000000000000\n mstatus  8000000a00006082\n"
        "0x0000000080200322:  a001              j                       0\n"})
    EXPECT_EQ(diagnosed(text).verdict.cause, Cause::unknown) << text;
}

TEST(DumpOfOneMoment, AZeroWordAtThePcIsNoProgram) {
  for (const char* text :
       {"PC=40000200 X00=0 PSTATE=800003c5\n0000000040000200: 0x00000000 0x00000000\n",
        " pc       0000000080206000\n mhartid  0\n0x80206000: 0x00000000 0x00000000\n",
        "NIP 00100700   LR 00100580 CTR 001005a4 XER 0 CPU#0\n00100700: 0x00000000 0x7c0802a6\n"}) {
    const Verdict verdict = diagnosed(text).verdict;
    EXPECT_EQ(verdict.cause, Cause::nothing_at_pc) << text;
    EXPECT_NE(verdict.sentence.find("no instruction"), std::string::npos) << verdict.sentence;
  }
}

TEST(DumpOfOneMoment, AWaitWithEverythingMaskedNeverEnds) {
  const std::string_view code = "ffff800008b5d0a8: 0xd503207f 0xd65f03c0\n";
  const auto with = [&](std::string_view pstate) {
    return diagnosed(text("PC=ffff800008b5d0a8 X00=0 PSTATE={}\n{}", pstate, code)).verdict.cause;
  };
  EXPECT_EQ(with("600003c5"), Cause::waits_for_ever);
  EXPECT_EQ(with("600000c5"), Cause::idle);  // as Linux idles
}

// QEMU's monitor has no $pc on aarch64 and riscv64.
TEST(DumpOfOneMoment, AsksForTheCodeByItsAddress) {
  const Verdict arm = diagnosed("PC=401004d8 X00=0 PSTATE=3c5\n").verdict;
  EXPECT_TRUE(has(arm.advice, "\"x/8wx 0x401004d8\""));
  const Verdict riscv = diagnosed(" pc       0000000080200322\n mhartid  0\n").verdict;
  EXPECT_TRUE(has(riscv.advice, "\"x/8wx 0x80200322\""));
}

// What a dump leaves out does not speak against its cause.
TEST(GoldenDump, FewerWordsOfCodeReachTheSameCause) {
  const std::string_view text = golden;
  for (usize words = 0; words < 7; ++words) {
    const std::string cut(text.substr(0, text.find("8b2063ff") + 9 * words));
    const Verdict verdict = diagnosed(cut + "\n").verdict;
    EXPECT_EQ(verdict.cause, Cause::unwritten_register) << words;
    EXPECT_EQ(has(verdict.evidence, "overflow path of Linux's kernel_ventry"), words >= 3) << words;
  }
  // As QEMU's own disassembly of the same three.
  const Verdict verdict = diagnosed(std::string(text.substr(0, text.find("code"))) +
                                    "0xffffffc010010a34:  8b2063ff  add      sp, sp, x0\n"
                                    "0xffffffc010010a38:  d53bd040  mrs      x0, tpidr_el0\n"
                                    "0xffffffc010010a3c:  cb2063e0  sub      x0, sp, x0\n")
                              .verdict;
  EXPECT_EQ(verdict.cause, Cause::unwritten_register);
}

TEST(GoldenDump, WithoutCodeItSaysWhatTheRegistersShow) {
  const std::string text(std::string_view(golden).substr(0, std::string_view(golden).find("code")));
  const Verdict verdict = diagnosed(text).verdict;
  EXPECT_EQ(verdict.cause, Cause::unwritten_register);
  EXPECT_TRUE(has(verdict.evidence, "X20 = 0x1de7ec3eec328b16"));
  EXPECT_TRUE(has(verdict.evidence, "x/8wx 0xffffffc010010a34"));
}

// The words as the report of the hang had them: behind the registers, at the end of a sentence.
TEST(GoldenDump, IsUnderstoodAsPeoplePasteIt) {
  const std::string report =
      "> It hangs (scause and satp are riscv64's matter, there is none here):\n"
      "> PC=ffffffc010010a34 X00=X03=1de7ec7edbadc0de X01=X02=ffffffc01084ca38\n"
      "> X20=1de7ec3eec328b16 X21=ffffffc0108f02b0 X22=ffffffc01073fd40 X23=00000000200001c5\n"
      "> X29=ffffffc0108f0090 X30=ffffffc01065abf4 SP=ffffffc01084c2b0 PSTATE=400003c5, code at "
      "PC:\n"
      "> 8b2063ff d53bd040 cb2063e0 f274cc1f 54002ca1 cb2063ff d53bd060. What now?\n";
  EXPECT_EQ(diagnosed(report).verdict.sentence, diagnosed(std::string(golden)).verdict.sentence);
}

TEST(Poison, FormsAreToldApart) {
  hv::RegisterFile cpu(Arch::aarch64, hv::register_table(Arch::aarch64));
  cpu.set("x1", kvm_poison);
  cpu.set("x2", kvm_poison + 0x40);
  cpu.set("x3", kvm_poison - 0x10);
  cpu.set("x4", 0xffff800010001000);
  cpu.set("x5", kvm_poison + 0xffff800010001000);
  cpu.set("x6", kvm_poison + 0xffff800010002000);
  cpu.set("x7", 0xffff800010001000 - kvm_poison);
  cpu.set("x8", kvm_poison & 0xffffffff);
  cpu.set("x9", 0x1ee7000000000000);
  cpu.set("x10", 0);
  const auto traces = find_poison(cpu);
  ASSERT_EQ(traces.size(), 7u);
  using Form = PoisonTrace::Form;
  const Form forms[] = {Form::exact,        Form::plus_small, Form::plus_small, Form::plus_register,
                        Form::plus_address, Form::minus,      Form::low_half};
  for (usize i = 0; i < traces.size(); ++i) EXPECT_EQ(traces[i].form, forms[i]) << i;
  EXPECT_EQ(traces[3].other, "x4");
}

}  // namespace
}  // namespace pv::inspect
