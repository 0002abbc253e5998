/* hang_riscv64.c: see hang.h. Translation stays off here: a read of nothing reaches the monitor and is no fault, and a
 * jump to nowhere ends the run. */
#include "hang.h"

__asm__(".text\n.balign 4\nreturning_trap: sret\n");
extern char returning_trap[];
static char empty[4096] __attribute__((aligned(4096)));

void handlers_that_return(void) { write_csr(stvec, returning_trap); }
void handlers_in_empty_memory(void) { write_csr(stvec, empty); }
void read_unmapped(void) {}
void run_device_memory(void) {}
void lose_the_stack(void) {}
void jump_without_handlers(void) {}
