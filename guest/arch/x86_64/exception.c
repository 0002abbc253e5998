/* exception.c: the interrupt descriptor table; says in words what an exception was, prints the registers, ends the
 * run with EXIT_EXCEPTION. Intel SDM volume 3, chapter 6. Interrupts go to irq.c.
 */
#include "arch.h"
#include "runtime.h"

extern char vector_stubs[];
void exception(struct frame *frame);

struct gate { u16 offset_low, selector; u8 ist, type; u16 offset_middle; u32 offset_high, zero; };
static struct gate idt[VECTORS];

void idt_init(void) {
  struct __attribute__((packed)) { u16 limit; u64 base; } pointer = {sizeof idt - 1, (u64)idt};
  if (!idt[0].type)   /* other CPUs share the table */
    for (u64 i = 0, stub = (u64)vector_stubs; i < VECTORS; i++, stub += 16)
      idt[i] = (struct gate){(u16)stub, 0x10, 0, 0x8e, (u16)(stub >> 16), (u32)(stub >> 32), 0};
  __asm__ volatile("lidt %0" :: "m"(pointer), "m"(idt));
}

static const char *vector_name(u64 vector) {
  static const char *const names[] = {
    "divide error (#DE)", "debug (#DB)", "non-maskable interrupt", "breakpoint (#BP)", "overflow (#OF)",
    "bound range exceeded (#BR)", "invalid opcode (#UD)", "device not available (#NM)", "double fault (#DF)",
    "exception", "invalid TSS (#TS)", "segment not present (#NP)", "stack fault (#SS)", "general protection (#GP)",
    "page fault (#PF)", "exception", "x87 error (#MF)", "alignment check (#AC)", "machine check (#MC)",
    "SIMD error (#XM)", "virtualization exception (#VE)", "control protection (#CP)",
  };
  return vector < sizeof names / sizeof *names ? names[vector] : "unexpected interrupt";
}

void exception(struct frame *f) {
  if (f->vector >= 32) return irq_dispatch(f->vector);
  if (probe_resume) {
    f->rip = probe_resume;
    probe_resume = 0;
    return;
  }
  u64 cr2;
  __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
  print("\nexception on CPU %d: %s", cpu_index(), vector_name(f->vector));
  if (f->vector == 14)
    print(", on a %s, %s", f->error & 16 ? "fetch" : f->error & 2 ? "write" : "read",
          f->error & 1 ? "not permitted" : "nothing is mapped there");
  print("\n  pc %016lx  address %016lx  error %lx  rflags %lx  vector %lu\n", f->rip, cr2, f->error, f->rflags, f->vector);
  print(" rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
  print(" rsi %016lx  rdi %016lx  rbp %016lx  rsp %016lx\n", f->rsi, f->rdi, f->rbp, f->rsp);
  print("  r8 %016lx   r9 %016lx  r10 %016lx  r11 %016lx\n", f->r8, f->r9, f->r10, f->r11);
  print(" r12 %016lx  r13 %016lx  r14 %016lx  r15 %016lx\n", f->r12, f->r13, f->r14, f->r15);
  exception_exit();
}
