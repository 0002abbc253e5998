#include "inspect/dump.h"

#include <gtest/gtest.h>

#include <array>

#include "base/endian.h"

namespace pv::inspect {
namespace {

Dump parsed(std::string_view text) {
  auto dump = parse_dump(text);
  EXPECT_TRUE(dump) << (dump ? "" : dump.error().message);
  return dump ? *std::move(dump) : Dump{};
}

TEST(Dump, ReadsQemusAarch64) {
  const Dump dump = parsed(
      " PC=ffffffc010010a34 X00=1de7ec7edbadc0de X01=ffffffc01084ca38\n"
      "X29=ffffffc0108f0090 X30=ffffffc01065abf4  SP=ffffffc01084c2b0\n"
      "PSTATE=400003c5 -Z-- EL1h     FPCR=00000000 FPSR=00000000\n"
      "Q00=0000000000000000:0000000000000000\n"
      "(qemu) x/2i 0xffffffc010010a34\n"
      "0xffffffc010010a34: 8b2063ff add sp, sp, x0\n"
      "0xffffffc010010a38: d53bd040 mrs x0, (unknown)\n");
  ASSERT_EQ(dump.cpus.size(), 1u);
  EXPECT_EQ(dump.arch, Arch::aarch64);
  const auto& cpu = dump.cpus[0];
  EXPECT_EQ(cpu.get("pc"), 0xffffffc010010a34);
  EXPECT_EQ(cpu.get("x0"), 0x1de7ec7edbadc0de);
  EXPECT_EQ(cpu.get("x30"), 0xffffffc01065abf4);
  EXPECT_EQ(cpu.get("cpsr"), 0x400003c5u);
  EXPECT_FALSE(cpu.get("x2"));

  DumpSubject subject(dump, "test");
  std::array<u8, 8> bytes;
  ASSERT_TRUE(subject.read_virtual(cpu, 0xffffffc010010a34, bytes));
  EXPECT_EQ(u32{load_as<Le32>(bytes, 0)}, 0x8b2063ffu);
  EXPECT_EQ(u32{load_as<Le32>(bytes, 4)}, 0xd53bd040u);
  EXPECT_FALSE(subject.read_virtual(cpu, 0xffffffc010010a38, bytes));
}

TEST(Dump, ReadsChainsOfAssignmentsAndCodeAtPc) {
  const Dump dump =
      parsed("PC=1000 X00=X03=1de7ec7edbadc0de PSTATE=3c5\ncode at PC: 8b2063ff d53bd040");
  EXPECT_EQ(dump.cpus.at(0).get("x0"), 0x1de7ec7edbadc0de);
  EXPECT_EQ(dump.cpus.at(0).get("x3"), 0x1de7ec7edbadc0de);
  ASSERT_EQ(dump.memory.size(), 1u);
  EXPECT_EQ(dump.memory[0].address, 0x1000u);
  EXPECT_EQ(dump.memory[0].bytes.size(), 8u);
}

// As people paste it: the words on the line of the registers, or on the next ones, quoted or not.
TEST(Dump, FindsTheCodeWhereverItStands) {
  for (const char* text :
       {"PC=1000 X00=1 PSTATE=400003c5, code at PC:\n8b2063ff d53bd040\ncb2063e0\n",
        "PC=1000 X00=1 PSTATE=400003c5, code at PC: 8b2063ff d53bd040 cb2063e0.",
        "> PC=1000 X00=1\n> PSTATE=400003c5, code at PC:\n> 8b2063ff d53bd040 cb2063e0",
        "PC=1000 X00=1 PSTATE=400003c5\n[ 1.5] Code: 8b2063ff d53bd040 cb2063e0\n"}) {
    const Dump dump = parsed(text);
    EXPECT_EQ(dump.cpus.at(0).get("cpsr"), 0x400003c5u) << text;
    DumpSubject subject(dump, "test");
    std::array<u8, 8> bytes;
    ASSERT_TRUE(subject.read_virtual(dump.cpus[0], 0x1000, bytes)) << text;
    EXPECT_EQ(u32{load_as<Le32>(bytes, 0)}, 0x8b2063ffu);
    EXPECT_EQ(u32{load_as<Le32>(bytes, 4)}, 0xd53bd040u);
  }
}

TEST(Dump, PlacesAnOopsCodeLineByItsMark) {
  const Dump dump = parsed("PC=1008 X00=0 PSTATE=3c5\nCode: aa0003e1 d503201f (d4210000)");
  ASSERT_EQ(dump.memory.size(), 1u);
  EXPECT_EQ(dump.memory[0].address, 0x1000u);
}

TEST(Dump, ReadsQemusRiscv) {
  const Dump dump = parsed(
      "CPU#0\n V      =   0\n pc       ffffffff80004d7a\n mhartid  0000000000000000\n"
      " stvec    ffffffff80003a6c\n scause   0000000000000002\n"
      " x0/zero  0000000000000000 x1/ra    ffffffff80004d6a x2/sp    ffffffff81403ea0\n"
      " x8/s0    ffffffff81403ec0 x9/s1    0000000000000001\n"
      "CPU#1\n pc       0000000080000000\n");
  ASSERT_EQ(dump.cpus.size(), 2u);
  EXPECT_EQ(dump.arch, Arch::riscv64);
  EXPECT_EQ(dump.cpus[0].get("ra"), 0xffffffff80004d6a);
  EXPECT_EQ(dump.cpus[0].get("fp"), 0xffffffff81403ec0);
  EXPECT_EQ(dump.cpus[0].get("scause"), 2u);
  EXPECT_EQ(dump.cpus[1].get("pc"), 0x80000000u);
}

TEST(Dump, ReadsQemusPowerpc) {
  const Dump dump = parsed(
      "NIP c0012345   LR c0000010 CTR 00000000 XER 20000000 CPU#0\n"
      "MSR 00029002 HID0 00000000  HF 24028006 iidx 1 didx 1\n"
      "GPR00 00000000 c0501f80 c04b5b40 00000003\nGPR04 00000001 00000002 00000003 00000004\n"
      "CR 22000044  [ E  E  -  -  -  -  G  G  ]             RES ffffffff\n"
      "  SRR0 c0011111    SRR1 00029002\n   IVPR c0000000 DEAR 00000004\n");
  ASSERT_EQ(dump.cpus.size(), 1u);
  EXPECT_EQ(dump.arch, Arch::powerpc);
  const auto& cpu = dump.cpus[0];
  EXPECT_EQ(cpu.get("pc"), 0xc0012345u);
  EXPECT_EQ(cpu.get("lr"), 0xc0000010u);
  EXPECT_EQ(cpu.get("msr"), 0x29002u);
  EXPECT_EQ(cpu.get("r1"), 0xc0501f80u);
  EXPECT_EQ(cpu.get("r7"), 4u);
  EXPECT_EQ(cpu.get("cr"), 0x22000044u);
  EXPECT_EQ(cpu.get("srr0"), 0xc0011111u);
  EXPECT_EQ(cpu.get("dear"), 4u);
}

TEST(Dump, ReadsQemusX86) {
  const Dump dump = parsed(
      "RAX=0000000000000000 RBX=ffffffff82013860 RCX=0 RDX=0\n"
      "R8 =00000000deadbeef R9 =1\n"
      "RIP=ffffffff81b5c93e RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\n"
      "CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]\n"
      "GDT=     fffffe0000001000 0000007f\nIDT=     fffffe0000000000 00000fff\n"
      "CR0=80050033 CR2=ffff888003601000 CR3=0000000002a0a000 CR4=00000020\n"
      "EFER=0000000000000d01\n");
  ASSERT_EQ(dump.cpus.size(), 1u);
  EXPECT_EQ(dump.arch, Arch::x86_64);
  const auto& cpu = dump.cpus[0];
  EXPECT_EQ(cpu.get("rip"), 0xffffffff81b5c93e);
  EXPECT_EQ(cpu.get("r8"), 0xdeadbeefu);
  EXPECT_EQ(cpu.get("eflags"), 0x246u);
  EXPECT_EQ(cpu.get("cs"), 0x10u);
  EXPECT_EQ(cpu.get("cs_attributes"), 0xa9bu);
  EXPECT_EQ(cpu.get("idt_base"), 0xfffffe0000000000);
  EXPECT_EQ(cpu.get("idt_limit"), 0xfffu);
  EXPECT_EQ(cpu.get("cr0"), 0x80050033u);
}

TEST(Dump, ReadsGdbs) {
  const Dump arm = parsed(
      "x0             0x1de7ec7edbadc0de  2154829309229515998\n"
      "x1             0x0                 0\n"
      "x29            0xffffffc0108f0090  -274599837552\n"
      "sp             0xffffffc01084c2b0  0xffffffc01084c2b0\n"
      "pc             0xffffffc010010a34  0xffffffc010010a34 <vectors+564>\n"
      "cpsr           0x400003c5          [ SP EL=1 F I A D Z ]\n");
  EXPECT_EQ(arm.arch, Arch::aarch64);
  EXPECT_EQ(arm.cpus.at(0).get("x0"), 0x1de7ec7edbadc0de);
  EXPECT_EQ(arm.cpus.at(0).get("x1"), 0u);
  EXPECT_EQ(arm.cpus.at(0).get("cpsr"), 0x400003c5u);
  const Dump riscv = parsed(
      "ra  0x80001234  0x80001234\nsp  0x80200000  0x80200000\n"
      "t0  0x5  5\npc  0x80000010  0x80000010\n");
  EXPECT_EQ(riscv.arch, Arch::riscv64);
  EXPECT_EQ(riscv.cpus.at(0).get("t0"), 5u);
}

TEST(Dump, ReadsTheRegistersOfLinuxsOops) {
  const Dump arm = parsed(
      "[    0.000000] pstate: 400003c5 (nZcv DAIF -PAN -UAO -TCO BTYPE=--)\n"
      "[    0.000000] pc : [<ffffffc010010a34>] __kernel_ventry+0x34/0x80\n"
      "[    0.000000] lr : printk+0x5c/0x84\n[    0.000000] sp : ffffffc01084c2b0\n"
      "[    0.000000] x29: ffffffc0108f0090 x28: 0000000000000000\n"
      "[    0.000000] x3 : 1de7ec7edbadc0de x2 : ffffffc01084ca38\n"
      "[    0.000000] Code: d53bd040 cb2063e0 f274cc1f 54002ca1 (cb2063ff)\n");
  EXPECT_EQ(arm.arch, Arch::aarch64);
  const auto& cpu = arm.cpus.at(0);
  EXPECT_EQ(cpu.get("pc"), 0xffffffc010010a34);
  EXPECT_EQ(cpu.get("cpsr"), 0x400003c5u);
  EXPECT_EQ(cpu.get("sp"), 0xffffffc01084c2b0);
  EXPECT_EQ(cpu.get("x28"), 0u);
  EXPECT_EQ(cpu.get("x3"), 0x1de7ec7edbadc0de);
  EXPECT_EQ(arm.memory.at(0).address, 0xffffffc010010a34 - 16);

  const Dump riscv = parsed(
      "epc : schedule+0x10/0x40\nepc : ffffffff80004d7a ra : ffffffff80004d6a sp : "
      "ffffffff81403ea0\nstatus: 0000000200000120 badaddr: 0000000000000010 cause: "
      "000000000000000d\n");
  EXPECT_EQ(riscv.arch, Arch::riscv64);
  EXPECT_EQ(riscv.cpus.at(0).get("pc"), 0xffffffff80004d7a);
  EXPECT_EQ(riscv.cpus.at(0).get("scause"), 13u);
  EXPECT_EQ(riscv.cpus.at(0).get("stval"), 16u);

  const Dump power = parsed(
      "NIP:  c0012345 LR: c0000010 CTR: 00000000\nMSR:  00029002 <CE,EE,ME>  CR: 22000044\n"
      "GPR00: 00000000 c0501f80 c04b5b40 00000003\n");
  EXPECT_EQ(power.arch, Arch::powerpc);
  EXPECT_EQ(power.cpus.at(0).get("pc"), 0xc0012345u);
  EXPECT_EQ(power.cpus.at(0).get("r3"), 3u);
}

TEST(Dump, SaysWhatIsMissing) {
  const auto alone = parse_dump("PC=ffffffc010010a34\n");
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().message.find("which architecture"), std::string::npos);
  const auto named = parse_dump("pstate: 400003c5\npc : start_kernel+0x34/0x80\n");
  ASSERT_FALSE(named);
  EXPECT_NE(named.error().hint.find("PC=ADDRESS"), std::string::npos);
}

TEST(Dump, RefusesWhatIsNone) {
  for (std::string_view text :
       {"", "hello", "{}", "PC=", "X00=1", "RIP=", "{\"arch\":\"aarch64\"}"})
    EXPECT_FALSE(parse_dump(text)) << text;
  EXPECT_FALSE(parse_dump(std::string(max_dump + 1, ' ')));
}

}  // namespace
}  // namespace pv::inspect
