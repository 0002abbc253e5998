// The golden case: the register dump of a real hang (Linux 5.12 under KVM on a Cortex-A53), and
// dumps that look like it but are not.
#include <gtest/gtest.h>

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
  EXPECT_EQ(diagnosed(text).verdict.cause, Cause::unknown);
}

TEST(GoldenDump, WithoutCodeItSaysWhatTheRegistersShow) {
  const std::string text(std::string_view(golden).substr(0, std::string_view(golden).find("code")));
  const Verdict verdict = diagnosed(text).verdict;
  EXPECT_EQ(verdict.cause, Cause::unwritten_register);
  EXPECT_TRUE(has(verdict.evidence, "X20 = 0x1de7ec3eec328b16"));
  EXPECT_TRUE(has(verdict.evidence, "add the words of"));
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
