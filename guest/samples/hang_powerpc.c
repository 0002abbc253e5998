/* hang_powerpc.c: see hang.h. There is no MMU to switch off. */
#include "hang.h"

__asm__(".text\n.balign 16\nreturning_vector: rfi\n");
extern char returning_vector[];

enum { SPR_IVOR6 = 406, SPR_IVOR13 = 413 };

void handlers_that_return(void) {
  u32 address = (u32)returning_vector;
  write_spr(SPR_IVPR, address & 0xffff0000);
  write_spr(SPR_IVOR6, address & 0xfff0);    /* program: undefined instructions */
  write_spr(SPR_IVOR13, address & 0xfff0);   /* data TLB error */
}
void handlers_in_empty_memory(void) {}
void read_unmapped(void) { *(volatile u32 *)0x70000000; }
void run_device_memory(void) {}
void lose_the_stack(void) { __asm__ volatile("mr %%r1, %0; stwu %%r1, -16(%%r1)" :: "r"(0x70000000) : "memory"); }

void jump_without_handlers(void) {
  break_exceptions();
  __asm__ volatile("mtctr %0; bctr" :: "r"(0x70000000) : "ctr");
}
