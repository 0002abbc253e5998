/* percpu.c: uses a per-CPU variable before TPIDR_EL1, which holds the per-CPU offset, was written.
 *
 * After a reset the register's content is unknown. Where it happens to be 0 (most emulators) the program says so and
 * switches off. Where it is something else, the access faults; the handler uses the same variable and faults again,
 * until its stack is used up; and the way onto the overflow stack needs the offset, too: from then on the CPU does not
 * leave the entry of its vector slot any more. The entry tests for the overflow as Linux's does on arm64, by adding and
 * subtracting sp and x0, because no other register is free.
 *
 * It runs in place of entry.S, with the MMU off, at whatever address it was loaded.
 */
#include "arch.h"

__asm__(
  ".section .text\n"
  ".global before_entry\n"
  "before_entry:\n"
  "  adr  x1, percpu_begins\n"
  "  bl   percpu_say\n"
  "  adr  x0, percpu_vectors\n"
  "  msr  vbar_el1, x0\n"
  "  isb\n"
  "  adrp x0, percpu_area\n"
  "  add  x0, x0, #0xc, lsl #12\n"            /* the top of the stack: 48 KiB into the area */
  "  mov  sp, x0\n"
  "  mov  x29, #0\n"
  "  bl   percpu_use\n"
  "  adr  x1, percpu_passed\n"
  "  bl   percpu_say\n"
  "  mov  w0, #0x84000000\n"
  "  add  w0, w0, #8\n"                       /* PSCI SYSTEM_OFF */
  "  hvc  #0\n"
  "  b    .\n"

  "percpu_say:\n"
  "  mov  x2, #0x09000000\n"                  /* PL011: the data register */
  "1:ldrb w3, [x1], #1\n"
  "  cbz  w3, 2f\n"
  "  str  w3, [x2]\n"
  "  b    1b\n"
  "2:ret\n"

  "percpu_use:\n"                             /* counter of this CPU */
  "  stp  x29, x30, [sp, #-16]!\n"
  "  mov  x29, sp\n"
  "  adrp x1, percpu_counter\n"
  "  add  x1, x1, :lo12:percpu_counter\n"
  "  mrs  x3, tpidr_el1\n"
  "  add  x20, x1, x3\n"
  "  ldr  x0, [x20]\n"
  "  ldp  x29, x30, [sp], #16\n"
  "  ret\n"

  "percpu_handle:\n"
  "  stp  x29, x30, [sp, #16 * 16]\n"
  "  add  x29, sp, #16 * 16\n"
  "  mrs  x22, elr_el1\n"
  "  mrs  x23, spsr_el1\n"
  "  add  x21, sp, #320\n"
  "  bl   percpu_use\n"
  "  b    .\n"

  "percpu_bad_stack:\n"
  "  stp  x29, x30, [sp, #-16]!\n"
  "  b    .\n"

  ".macro percpu_slot\n"
  "  .balign 128\n"
  "  sub  sp, sp, #320\n"
  "  add  sp, sp, x0\n"
  "  sub  x0, sp, x0\n"                       /* x0 is sp now */
  "  tbnz x0, #14, 1f\n"                      /* stacks have 16 KiB, and bit 14 clear */
  "  sub  x0, sp, x0\n"
  "  sub  sp, sp, x0\n"
  "  b    percpu_handle\n"
  "1:msr  tpidr_el0, x0\n"
  "  sub  x0, sp, x0\n"
  "  msr  tpidrro_el0, x0\n"
  "  adrp x0, percpu_overflow\n"
  "  add  sp, x0, :lo12:percpu_overflow\n"
  "  mrs  x0, tpidr_el1\n"
  "  add  sp, sp, x0\n"
  "  mrs  x0, tpidr_el0\n"
  "  sub  x0, sp, x0\n"
  "  tst  x0, #~(4096 - 1)\n"
  "  b.ne percpu_bad_stack\n"
  "  sub  sp, sp, x0\n"
  "  mrs  x0, tpidrro_el0\n"
  "  b    percpu_handle\n"
  ".endm\n"
  "  .balign 2048\n"
  "percpu_vectors:\n"
  "  .rept 16\n"
  "  percpu_slot\n"
  "  .endr\n"

  "percpu_begins: .asciz \"percpu: a per-CPU access follows\\n\"\n"
  "percpu_passed: .asciz \"percpu: TPIDR_EL1 happened to be 0\\n\"\n"
  ".section .bss\n"
  "  .balign 32768\n"
  "percpu_area:\n"                            /* 32 KiB of nothing, 16 KiB of stack */
  "  .skip 49152\n"
  "percpu_counter:\n"
  "  .skip 4096\n"
  "percpu_overflow:\n"                        /* the end of the overflow stack */
  "  .skip 16\n"
  ".text\n");

int main(void) { return 1; }   /* never reached */
