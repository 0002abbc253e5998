// Against capstone 5, of every architecture; built where tools/capstone can make it.
#include "inspect/instruction_text.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "inspect/disassembler.h"

namespace pv::inspect {
namespace {

using Words = std::vector<std::string>;

Words words(Arch arch, std::vector<u8> code, u64 address = 0x1000) {
  Words all;
  for (const InstructionText& one : instruction_texts(arch, code, address))
    all.push_back(one.words);
  return all;
}

TEST(InstructionText, IsHere) { EXPECT_TRUE(has_disassembler()); }

TEST(InstructionText, Aarch64) {
  // The begin of Linux's kernel_ventry.
  EXPECT_EQ(words(Arch::aarch64, {0xff, 0x63, 0x20, 0x8b, 0x40, 0xd0, 0x3b, 0xd5, 0xe0, 0x63, 0x20,
                                  0xcb, 0x1f, 0xcc, 0x74, 0xf2, 0x00, 0x00, 0x00, 0x00, 0x1f}),
            (Words{"add sp, sp, x0", "mrs x0, tpidr_el0", "sub x0, sp, x0", "tst x0, #-0x1000",
                   "udf #0"}));
}

TEST(InstructionText, Riscv64WithShortInstructions) {
  EXPECT_EQ(words(Arch::riscv64,
                  {0x73, 0x00, 0x50, 0x10, 0x01, 0xa0, 0x73, 0x25, 0x20, 0x14, 0x82, 0x80, 0x73}),
            (Words{"wfi", "c.j 0", "csrr a0, scause", "c.jr ra"}));
}

TEST(InstructionText, PowerpcBook3E) {
  EXPECT_EQ(words(Arch::powerpc, {0x94, 0x21, 0xff, 0xf0, 0x7c, 0x08, 0x02, 0xa6, 0x48, 0x00,
                                  0x00, 0x00, 0x7c, 0x00, 0x07, 0xa4, 0x4c, 0x00, 0x00, 0x66}),
            (Words{"stwu r1, -0x10(r1)", "mflr r0", "b 0x1008", "tlbwe", "rfci"}));
}

TEST(InstructionText, X86OfEverySize) {
  EXPECT_EQ(words(Arch::x86_64,
                  {0xf4, 0xeb, 0xfe, 0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00, 0x0f, 0x0b, 0xe8}),
            (Words{"hlt", "jmp 0x1001", "mov rax, qword ptr [rip + 0x10]", "ud2"}));
}

TEST(Disassembler, MarksTheProgramCounterAndNamesTargets) {
  constexpr std::string_view map = "0000000000001000 T here\n0000000000001100 T there\n";
  const auto symbols = Symbols::parse(bytes_of(map));
  ASSERT_TRUE(symbols);
  const std::vector<u8> code = {0x1f, 0x20, 0x03, 0xd5, 0x40, 0x00, 0x00, 0x14};
  EXPECT_EQ(disassemble(Arch::aarch64, code, 0x1000, 0x1004, &*symbols),
            (Words{"   0x1000: d503201f  nop", "=> 0x1004: 14000040  b #0x1104 <there+0x4>"}));
}

}  // namespace
}  // namespace pv::inspect
