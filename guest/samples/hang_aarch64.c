/* hang_aarch64.c: see hang.h. */
#include "hang.h"

__asm__(
  ".text\n.balign 2048\nreturning_vectors:\n"
  ".rept 16\n.balign 128\n nop\n eret\n.endr\n");
extern char returning_vectors[];
static char empty[4096] __attribute__((aligned(2048)));

void handlers_that_return(void) { write_sysreg(vbar_el1, (u64)returning_vectors); isb(); }
void handlers_in_empty_memory(void) { write_sysreg(vbar_el1, (u64)empty); isb(); }
void read_unmapped(void) { mmio_read32(0x2000001000); }

void run_device_memory(void) {
  write_sysreg(vbar_el1, 0);
  isb();
  /* The instruction after the write is fetched from the same address: VA == PA. */
  __asm__ volatile("dsb sy; msr sctlr_el1, %0; isb; br %1" :: "r"(0x30d00800ul), "r"(0x09000000ul) : "memory");
}

void lose_the_stack(void) { __asm__ volatile("mov sp, %0; stp x0, x1, [sp, #-16]!" :: "r"(0x2000001000ul) : "memory"); }

void jump_without_handlers(void) {
  u64 target = nowhere();
  break_exceptions();
  __asm__ volatile("br %0" :: "r"(target));
}
