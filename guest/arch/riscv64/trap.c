/* trap.c: says in words what an exception was, prints the registers, ends the run with EXIT_EXCEPTION.
 *
 * scause: RISC-V Privileged Architecture, table "Supervisor cause register values". Interrupts go to irq.c.
 */
#include "arch.h"
#include "runtime.h"

void trap(struct frame *frame);

static const char *cause_name(u64 cause) {
  static const char *const names[] = {
    "instruction address misaligned", "instruction access fault: nothing answers there", "illegal instruction",
    "breakpoint", "load address misaligned", "load access fault: nothing answers there",
    "store address misaligned", "store access fault: nothing answers there", "ECALL from U-mode",
    "ECALL from S-mode", "exception", "exception", "instruction page fault", "load page fault", "exception",
    "store page fault",
  };
  return cause < sizeof names / sizeof *names ? names[cause] : "exception";
}

void trap(struct frame *frame) {
  static const char names[32][5] = {"zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2",
    "a3", "a4", "a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
  u64 cause = read_csr(scause);
  if (cause >> 63) {
    if ((cause & 63) == 5) timer_interrupt();
    if ((cause & 63) == 9) external_interrupt();
    return;
  }
  if (probe_resume) {
    frame->sepc = probe_resume;
    probe_resume = 0;
    return;
  }
  print("\nexception on CPU %d: %s\n", cpu_index(), cause_name(cause));
  print("  pc %016lx  address %016lx  scause %lu  sstatus %016lx\n", frame->sepc, read_csr(stval), cause, frame->sstatus);
  for (int i = 1; i < 32; i++) print("%4s %016lx%s", names[i], frame->x[i], i % 4 == 0 || i == 31 ? "\n" : " ");
  exception_exit();
}
