/* exception.c: says in words what an exception was, prints the registers, ends the run with EXIT_EXCEPTION.
 *
 * Power ISA 2.06 book III-E, chapter 7: interrupt classes, ESR. KVM reports a device access that it cannot emulate as a
 * Program interrupt without any reason in the ESR; then the instruction is taken apart here, so that it can be named.
 * SPE's loads and stores: Signal Processing Engine APU reference manual, chapter 5.
 */
#include "arch.h"
#include "runtime.h"

void exception(struct frame *frame);

enum { CRITICAL = 0, MACHINE_CHECK = 1, DATA_STORAGE = 2, EXTERNAL = 4, ALIGNMENT = 5, PROGRAM = 6, DECREMENTER = 10,
       WATCHDOG = 12, DATA_TLB = 13, INSTRUCTION_TLB = 14, DEBUG = 15,
       SPE_UNAVAILABLE = 32, SPE_ROUND = 34, CRITICAL_DOORBELL = 37 };
enum { E500MC = 0x8023 };   /* upper half of the PVR: from this core on debug interrupts have registers of their own */
enum { ESR_PIL = 1 << 27, ESR_PPR = 1 << 26, ESR_PTR = 1 << 25, ESR_ST = 1 << 23 };

static const char *vector_name(u32 vector) {
  static const char *const names[] = {
    "critical input", "machine check", "data storage: no right to this access", "instruction storage: no right to execute here",
    "external input", "alignment", "program", "floating point unavailable", "system call", "auxiliary processor unavailable",
    "decrementer", "fixed-interval timer", "watchdog", "data TLB error: no mapping for this address",
    "instruction TLB error: no mapping for this address", "debug",
  };
  static const char *const later[] = {   /* 32 and on */
    "SPE unavailable (MSR[SPE] is 0)", "SPE floating-point data", "SPE floating-point round", "performance monitor",
    "doorbell", "critical doorbell",
  };
  if (vector - SPE_UNAVAILABLE < sizeof later / sizeof *later) return later[vector - SPE_UNAVAILABLE];
  return vector < sizeof names / sizeof *names ? names[vector] : "exception";
}

struct access refused_access;

static u32 gpr(const struct frame *f, u32 n) { return f->r[n & 31]; }

/* D-form loads and stores have primary opcodes 32 to 55 (book I); base register 0 means no base. */
static bool d_form(const struct frame *f, u32 word, struct access *out) {
  static const char names[24][6] = {"lwz", "lwzu", "lbz", "lbzu", "stw", "stwu", "stb", "stbu", "lhz", "lhzu", "lha", "lhau",
    "sth", "sthu", "lmw", "stmw", "lfs", "lfsu", "lfd", "lfdu", "stfs", "stfsu", "stfd", "stfdu"};
  u32 opcode = word >> 26, base = word >> 16 & 31;
  if (opcode < 32 || opcode > 55) {
    if (opcode != 58 && opcode != 62) return false;
    static const char doubles[2][3][5] = {{"ld", "ldu", "lwa"}, {"std", "stdu", "?"}};
    out->name = (word & 3) < 3 ? doubles[opcode == 62][word & 3] : "?";
    out->address = (base ? gpr(f, base) : 0) + (u32)(s32)(int16_t)(word & 0xfffc);
    return true;
  }
  out->name = names[opcode - 32];
  out->address = (base ? gpr(f, base) : 0) + (u32)(s32)(int16_t)word;
  return true;
}

static bool x_form(const struct frame *f, u32 word, struct access *out) {
  static const struct { u32 extended; const char *name; } names[] = {
    {22, "icbt"}, {29, "ldepx"}, {31, "lwepx"}, {54, "dcbst"}, {86, "dcbf"}, {95, "lbepx"}, {134, "dcbtstls"},
    {157, "stdepx"}, {159, "stwepx"}, {166, "dcbtls"}, {223, "stbepx"}, {230, "icblc"}, {246, "dcbtst"}, {278, "dcbt"},
    {287, "lhepx"}, {390, "dcblc"}, {415, "sthepx"}, {470, "dcbi"}, {486, "icbtls"}, {535, "lfsx"}, {567, "lfsux"},
    {599, "lfdx"}, {631, "lfdux"}, {663, "stfsx"}, {695, "stfsux"}, {727, "stfdx"}, {758, "dcba"}, {759, "stfdux"},
    {982, "icbi"}, {983, "stfiwx"},
    {20, "lwarx"}, {21, "ldx"}, {23, "lwzx"}, {53, "ldux"}, {55, "lwzux"}, {84, "ldarx"}, {87, "lbzx"}, {119, "lbzux"},
    {149, "stdx"}, {150, "stwcx."}, {151, "stwx"}, {181, "stdux"}, {183, "stwux"}, {214, "stdcx."}, {215, "stbx"},
    {247, "stbux"}, {279, "lhzx"}, {311, "lhzux"}, {341, "lwax"}, {343, "lhax"}, {373, "lwaux"}, {375, "lhaux"},
    {407, "sthx"}, {439, "sthux"}, {532, "ldbrx"}, {533, "lswx"}, {534, "lwbrx"}, {597, "lswi"}, {660, "stdbrx"},
    {661, "stswx"}, {662, "stwbrx"}, {725, "stswi"}, {790, "lhbrx"}, {918, "sthbrx"}, {1014, "dcbz"},
  };
  if (word >> 26 != 31) return false;
  u32 extended = word >> 1 & 0x3ff, base = word >> 16 & 31, index = word >> 11 & 31;
  for (u32 i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].extended != extended) continue;
    bool immediate = extended == 597 || extended == 725;
    out->name = names[i].name;
    out->address = (base ? gpr(f, base) : 0) + (immediate ? 0 : gpr(f, index));
    return true;
  }
  return false;
}

/* SPE: primary opcode 4; an even one takes an index register, the odd one above it a multiple of the access's size. */
static bool vector_form(const struct frame *f, u32 word, struct access *out) {
#define ROW(number, size, name) {number, size, {name "x", name}}
  static const struct { u32 extended, size; const char *name[2]; } names[] = {
    ROW(768, 8, "evldd"), ROW(770, 8, "evldw"), ROW(772, 8, "evldh"), ROW(776, 2, "evlhhesplat"),
    ROW(780, 2, "evlhhousplat"), ROW(782, 2, "evlhhossplat"), ROW(784, 4, "evlwhe"), ROW(788, 4, "evlwhou"),
    ROW(790, 4, "evlwhos"), ROW(792, 4, "evlwwsplat"), ROW(796, 4, "evlwhsplat"), ROW(800, 8, "evstdd"),
    ROW(802, 8, "evstdw"), ROW(804, 8, "evstdh"), ROW(816, 4, "evstwhe"), ROW(820, 4, "evstwho"),
    ROW(824, 4, "evstwwe"), ROW(828, 4, "evstwwo"),
  };
#undef ROW
  if (word >> 26 != 4) return false;
  u32 extended = word & 0x7ff, base = word >> 16 & 31, other = word >> 11 & 31;
  for (u32 i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].extended != (extended & ~1u)) continue;
    out->name = names[i].name[extended & 1];
    out->address = (base ? gpr(f, base) : 0) + (extended & 1 ? other * names[i].size : gpr(f, other));
    return true;
  }
  return false;
}

static struct access access_of(const struct frame *f, u32 word) {
  struct access found = {NULL, 0};
  if (!d_form(f, word, &found) && !x_form(f, word, &found)) vector_form(f, word, &found);
  return found;
}

static void say_program(const struct frame *frame) {
  u32 word = *(const u32 *)frame->pc;
  struct access access = access_of(frame, word);
  if (frame->esr & ESR_PPR) print("  privileged instruction %08x\n", word);
  else if (frame->esr & ESR_PTR) print("  trap instruction %08x\n", word);
  else if (access.name && is_mapped_ram(access.address))
    print("  instruction %08x (%s) at %08x, accessing RAM at %08x: this processor does not have it, or not enabled\n", word,
          access.name, frame->pc, access.address);
  else if (access.name)
    print("  instruction %08x (%s) at %08x: the hypervisor does not emulate this access to address %08x\n", word,
          access.name, frame->pc, access.address);
  else print("  illegal instruction %08x at %08x\n", word, frame->pc);
}

/* Where an interrupt of another class came from: false where the hypervisor does not know the register (KVM knows
 * CSRR0 and DSRR0, but not MCSRR0), which is an exception of its own in the middle of this one. */
#define READ_SAVED(number) __asm__ volatile( \
    "lis %2, 1f@ha\n la %2, 1f@l(%2)\n stw %2, %3\n mfspr %0, %4\n li %1, 1\n 1:" \
    : "+r"(value), "+r"(known), "=&b"(t), "=m"(RESUME) : "i"(number) : "memory")

static bool saved_pc(u32 vector, u32 *pc) {
  u32 value = 0, known = 0, t;
  if (vector == MACHINE_CHECK) READ_SAVED(SPR_MCSRR0);
  else if (vector == DEBUG && read_spr(SPR_PVR) >> 16 >= E500MC) READ_SAVED(SPR_DSRR0);
  else READ_SAVED(SPR_CSRR0);
  probe_resume = 0;
  if (known) *pc = value;
  return known;
}

static void say_saved_pc(struct frame *frame) {
  if (saved_pc(frame->vector, &frame->pc)) return;
  print("  the hypervisor does not tell where: pc below is that of an earlier exception; lr and ctr are right\n");
}

void exception(struct frame *frame) {
  u32 vector = frame->vector;
  if (vector == EXTERNAL) return external_interrupt();
  if (vector == DECREMENTER) return decrementer_interrupt();
  if (probe_resume) {
    refused_access = vector == PROGRAM ? access_of(frame, *(const u32 *)frame->pc) : (struct access){NULL, 0};
    frame->pc = (u32)probe_resume;
    probe_resume = 0;
    return;
  }
  print("\nexception on CPU %d: %s\n", cpu_index(), vector_name(vector));
  if (vector == CRITICAL || vector == MACHINE_CHECK || vector == WATCHDOG || vector == DEBUG ||
      vector == CRITICAL_DOORBELL) say_saved_pc(frame);
  if (vector == PROGRAM) say_program(frame);
  if (vector >= SPE_UNAVAILABLE && vector <= SPE_ROUND)
    print("  instruction %08x at %08x\n", *(const u32 *)frame->pc, frame->pc);
  if (vector == DATA_STORAGE || vector == ALIGNMENT || vector == DATA_TLB)
    print("  %s address %08x, instruction %08x\n", frame->esr & ESR_ST ? "write to" : "read of", frame->dear,
          *(const u32 *)frame->pc);
  print("  pc %08x  msr %08x  esr %08x  lr %08x  ctr %08x  cr %08x  xer %08x\n", frame->pc, frame->msr, frame->esr,
        frame->lr, frame->ctr, frame->cr, frame->xer);
  for (int i = 0; i < 32; i++) print("%sr%d %08x%s", i < 10 ? " " : "", i, frame->r[i], i % 8 == 7 ? "\n" : " ");
  exception_exit();
}
