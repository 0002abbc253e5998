/* arch.h: riscv64, control and status registers and SBI calls.
 * RISC-V Privileged Architecture 20240411, chapter 10 (supervisor); RISC-V SBI 2.0.
 */
#ifndef ARCH_H
#define ARCH_H

#include "guest.h"

#define io_barrier() __asm__ volatile("fence iorw, iorw" ::: "memory")   /* between memory and device accesses */
#define read_csr(name) ({ u64 v_; __asm__ volatile("csrr %0, " #name : "=r"(v_) :: "memory"); v_; })
#define write_csr(name, value) __asm__ volatile("csrw " #name ", %0" :: "r"((u64)(value)) : "memory")
#define set_csr(name, bits) __asm__ volatile("csrs " #name ", %0" :: "r"((u64)(bits)) : "memory")
#define clear_csr(name, bits) __asm__ volatile("csrc " #name ", %0" :: "r"((u64)(bits)) : "memory")

enum { SSTATUS_SIE = 1 << 1, SIE_STIE = 1 << 5, SIE_SEIE = 1 << 9 };

extern u64 uart_base;
static inline u8 uart_in(u32 reg) { return mmio_read8(uart_base + reg); }
static inline void uart_out(u32 reg, u8 value) { mmio_write8(uart_base + reg, value); }

/* The machine at the first instruction, stored by entry.S before anything is changed; entry.S knows the layout. */
struct boot_state {
  u64 x[32];   /* x[0]: unused */
  u64 pc, satp, sstatus, sie;
};
extern struct boot_state boot_state;
_Static_assert(sizeof(struct boot_state) == 8 * 36, "entry.S");

/* What a trap saves (trap.S knows the layout). */
struct frame {
  u64 x[32];
  u64 sepc, sstatus;
};
_Static_assert(sizeof(struct frame) == 8 * 34, "trap.S");

struct sbi_result { s64 error; u64 value; };
struct sbi_result sbi_call(u64 extension, u64 function, u64 a, u64 b, u64 c);
enum { SBI_TIME = 0x54494d45, SBI_HSM = 0x48534d, SBI_SRST = 0x53525354, SBI_BASE = 0x10 };

u64 hart_id(int cpu);                        /* smp.c */
bool isa_has(const char *extension);         /* machine.c: what the boot CPU's device tree node says */
void external_interrupt(void);               /* irq.c or aia.c by way of irq.c */
void timer_interrupt(void);                  /* timer.c */

/* aia.c */
bool aia_init(void);                         /* false: the machine has no AIA */
void aia_connect(u32 source);
u32 aia_claim(void);                         /* the source, or 0 */
void aia_complete(u32 source);

static inline void arch_virtio_slots(void) {}   /* without a device tree nothing is known */

/* For the samples that break things on purpose. */
static inline void undefined_instruction(void) { __asm__ volatile("unimp"); }
static inline void break_exceptions(void) { write_csr(stvec, 0x7f000000); }   /* nothing is there */
static inline u64 nowhere(void) { return 0x7f000000; }

u64 finisher(void);   /* runtime.h */
static inline bool is_end_of_machine(u64 page) { return page && page == finisher(); }
static inline void scribble_ports(u64 count, u64 seed) { (void)count, (void)seed; }
static inline int odd_loads(u64 address, u32 expected) { (void)address, (void)expected; return 0; }

#endif
