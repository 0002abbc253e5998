/* arch.h: aarch64, system registers and barriers. Arm Architecture Reference Manual, DDI 0487, chapter D19. */
#ifndef ARCH_H
#define ARCH_H

#include "guest.h"

#define io_barrier() __asm__ volatile("dmb sy" ::: "memory")   /* between memory and device accesses */
#define read_sysreg(name) ({ u64 v_; __asm__ volatile("mrs %0, " #name : "=r"(v_)); v_; })
#define write_sysreg(name, value) __asm__ volatile("msr " #name ", %0" :: "r"((u64)(value)) : "memory")
#define isb() __asm__ volatile("isb" ::: "memory")
#define dsb(domain) __asm__ volatile("dsb " #domain ::: "memory")

extern u64 uart_base;
static inline u8 uart_in(u32 reg) { return mmio_read8(uart_base + reg); }
static inline void uart_out(u32 reg, u8 value) { mmio_write8(uart_base + reg, value); }

/* The machine at the first instruction, stored by entry.S before anything is changed; entry.S knows the layout. */
struct boot_state {
  u64 x[31];
  u64 sp, pc, current_el, spsel, daif;
  u64 sctlr_el1, cpacr_el1, cntfrq_el0, mpidr_el1, cntv_ctl_el0, reserved;
};
extern struct boot_state boot_state;
_Static_assert(sizeof(struct boot_state) == 8 * 42, "entry.S");

/* What an exception saves (vectors.S knows the layout). */
struct frame {
  u64 x[31];
  u64 sp, elr, spsr;
};
_Static_assert(sizeof(struct frame) == 8 * 34, "vectors.S");

/* PSCI (Arm DEN 0022): the firmware call by which CPUs are started and the machine is switched off. */
s64 psci_call(u32 function, u64 a, u64 b, u64 c);
enum {
  PSCI_VERSION = 0x84000000, PSCI_CPU_OFF = 0x84000002, PSCI_CPU_ON_64 = 0xc4000003,
  PSCI_SYSTEM_OFF = 0x84000008, PSCI_SYSTEM_RESET = 0x84000009,
};

static inline void arch_virtio_slots(void) {}   /* without a device tree nothing is known */

/* For the samples that break things on purpose. */
extern u64 page_table[512];
static inline void undefined_instruction(void) { __asm__ volatile(".inst 0"); }
static inline void break_exceptions(void) { write_sysreg(vbar_el1, 0x3f000000); isb(); }   /* nothing is there */
static inline u64 nowhere(void) {
  page_table[0] &= ~(3ul << 53);   /* the first gigabyte becomes executable */
  __asm__ volatile("dsb ish; tlbi vmalle1; dsb ish; isb" ::: "memory");
  return 0x3f000000;
}

u64 finisher(void);   /* runtime.h */
static inline bool is_end_of_machine(u64 page) { return page && page == finisher(); }
static inline void scribble_ports(u64 count, u64 seed) { (void)count, (void)seed; }
int odd_loads(u64 address, u32 expected);   /* odd_loads.c */

#endif
