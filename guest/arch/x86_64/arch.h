/* arch.h: x86_64: ports, CPUID, model-specific registers, the machine's fixed addresses.
 * Intel SDM volume 3 (system programming), chapter 11 (APIC).
 */
#ifndef ARCH_H
#define ARCH_H

#include "guest.h"

#define io_barrier() __asm__ volatile("lock orq $0, (%%rsp)" ::: "memory", "cc")   /* MFENCE would be SSE2 */
static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" :: "a"(v), "Nd"(port) : "memory"); }
static inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0, %1" :: "a"(v), "Nd"(port) : "memory"); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" :: "a"(v), "Nd"(port) : "memory"); }
static inline u8 inb(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory"); return v; }

extern u64 uart_base;
static inline u8 uart_in(u32 reg) { return inb((u16)(uart_base + reg)); }
static inline void uart_out(u32 reg, u8 value) { outb((u16)(uart_base + reg), value); }

struct cpuid { u32 eax, ebx, ecx, edx; };
static inline struct cpuid cpuid(u32 leaf) {
  struct cpuid r;
  __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(0));
  return r;
}

enum { LAPIC = 0xfee00000, IOAPIC = 0xfec00000 };
enum { LAPIC_ID = 0x20, LAPIC_EOI = 0xb0, LAPIC_SVR = 0xf0, LAPIC_ICR_LOW = 0x300, LAPIC_ICR_HIGH = 0x310,
       LAPIC_LVT_TIMER = 0x320, LAPIC_TIMER_COUNT = 0x380, LAPIC_TIMER_DIVIDE = 0x3e0 };
enum { VECTOR_TIMER = 32, VECTOR_DEVICE = 33, VECTOR_SPURIOUS = 47, VECTORS = 48 };

/* The machine at the first instruction, stored by entry.S before anything is changed; entry.S knows the layout. */
struct boot_state {
  u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15;
  u64 rflags, cr0, cr3, cr4, efer;
  u64 cs, ds, es, ss, fs, gs, tr;
  u64 gdt_limit;   /* SGDT writes limit and base; they are moved here */
  u64 gdt_base;
  u64 pvh;         /* 1: entered through the PVH note, in 32-bit mode; 0: in 64-bit mode */
};
extern struct boot_state boot_state;
_Static_assert(sizeof(struct boot_state) == 8 * 31, "entry.S");

/* What an exception saves (vectors.S knows the layout). */
struct frame {
  u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
  u64 vector, error, rip, cs, rflags, rsp, ss;
};

void idt_init(void);                          /* exception.c */
void irq_dispatch(u64 vector);                /* irq.c */
void lapic_enable(void);
static inline u32 lapic_read(u32 reg) { return mmio_read32((u64)LAPIC + reg); }
static inline void lapic_write(u32 reg, u32 value) { mmio_write32((u64)LAPIC + reg, value); }

void arch_virtio_slots(void);                 /* machine.c */
u64 acpi_rsdp(void);                          /* machine.c: as the boot protocol says, or 0 */

/* For the samples that break things on purpose. */
static inline void undefined_instruction(void) { __asm__ volatile("ud2"); }
static inline void break_exceptions(void) {
  struct __attribute__((packed)) { u16 limit; u64 base; } empty = {0, 0};
  __asm__ volatile("lidt %0" :: "m"(empty));
}
static inline u64 nowhere(void) { return 0xd0000000; }

static inline bool is_end_of_machine(u64 page) { return page == LAPIC; }
void scribble_ports(u64 count, u64 seed);     /* odd_ports.c */
static inline int odd_loads(u64 address, u32 expected) { (void)address, (void)expected; return 0; }

#endif
