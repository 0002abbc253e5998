/* hang_x86_64.c: see hang.h. Without handlers, or without a stack for them, this CPU shuts down at once (a triple
 * fault), which is no hang. */
#include "hang.h"

__asm__(
  ".text\n.balign 16\nreturning_handler: iretq\n"
  ".balign 16\nreturning_with_error: addq $8, %rsp\n iretq\n");
extern char returning_handler[], returning_with_error[];

struct gate { u16 offset_low, selector; u8 ist, type; u16 offset_middle; u32 offset_high, zero; };

static void set_gate(int vector, char *handler) {
  struct __attribute__((packed)) { u16 limit; u64 base; } pointer;
  __asm__ volatile("sidt %0" : "=m"(pointer));
  struct gate *gate = (struct gate *)pointer.base + vector;
  u64 address = (u64)handler;
  gate->offset_low = (u16)address;
  gate->offset_middle = (u16)(address >> 16);
  gate->offset_high = (u32)(address >> 32);
}

void handlers_that_return(void) {
  set_gate(6, returning_handler);
  set_gate(14, returning_with_error);
}
void handlers_in_empty_memory(void) {}
void read_unmapped(void) { *(volatile u32 *)0x600000000000; }
void run_device_memory(void) {}
void lose_the_stack(void) {}
void jump_without_handlers(void) {}
