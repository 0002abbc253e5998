/* arch.h: 32-bit PowerPC Book3E, special-purpose registers and hypercalls.
 * Power ISA 2.06, books I and III-E; e500 and e5500 core reference manuals; ePAPR 1.1, chapters 5 and 7.
 */
#ifndef ARCH_H
#define ARCH_H

#include "guest.h"

#define io_barrier() __asm__ volatile("sync" ::: "memory")   /* between memory and device accesses */
#define read_spr(number) ({ u32 v_; __asm__ volatile("mfspr %0, %1" : "=r"(v_) : "i"(number) : "memory"); v_; })
#define write_spr(number, value) __asm__ volatile("mtspr %0, %1" :: "i"(number), "r"((u32)(value)) : "memory")

enum {
  SPR_DEC = 22, SPR_CSRR0 = 58, SPR_DEAR = 61, SPR_ESR = 62, SPR_IVPR = 63, SPR_PVR = 287, SPR_TSR = 336, SPR_TCR = 340,
  SPR_MCSRR0 = 570, SPR_DSRR0 = 574, SPR_TLB0CFG = 688, SPR_MAS0 = 624, SPR_MAS1 = 625, SPR_MAS2 = 626, SPR_MAS3 = 627, SPR_MAS6 = 630, SPR_MAS7 = 944,
  SPR_TLB1CFG = 689,
};

/* The chip's registers: 36-bit physical addresses, mapped by entry.S where their low 32 bits say. */
#define CCSR 0xfe0000000ull
enum { CCSR_SIZE = 1 << 20 };

/* Big-endian registers, which is what the chip's own are. */
static inline u32 mmio_read32be(u64 a) {
  u32 v;
  __asm__ volatile("lwz %0, 0(%1)" : "=r"(v) : "b"((u32)a) : "memory");
  return v;
}
static inline void mmio_write32be(u64 a, u32 v) {
  __asm__ volatile("stw %1, 0(%0)" : : "b"((u32)a), "r"(v) : "memory");
}

extern u64 uart_base;
static inline u8 uart_in(u32 reg) { return mmio_read8(uart_base + reg); }
static inline void uart_out(u32 reg, u8 value) { mmio_write8(uart_base + reg, value); }

/* The machine at the first instruction, stored by entry.S before anything is changed; entry.S knows the layout. */
struct boot_state {
  u32 r[32];
  u32 pc, msr, tcr, tsr, tlb1cfg;
  u32 mas0, mas1, mas2, mas3, mas7;   /* the TLB entry that maps pc */
  u32 pid, tlb1_valid;                /* how many entries of TLB1 are valid */
};
extern struct boot_state boot_state;
_Static_assert(sizeof(struct boot_state) == 4 * 44, "entry.S");

/* What an exception saves (vectors.S knows the layout). */
struct frame {
  u32 back_chain, callee_lr;
  u32 r[32];
  u32 pc, msr, cr, lr, ctr, xer, vector, esr, dear;
  u32 unused;
};
_Static_assert(sizeof(struct frame) == 176, "vectors.S");

/* ePAPR hypercall: token in r11, arguments and results from r3 on. False: the machine has no hypervisor. */
struct hypercall_result { s32 status; u32 value; };
bool hypercall(u32 token, u32 argument, struct hypercall_result *out);   /* machine.c */
bool hypercall_can_idle(void);
enum { EV_IDLE = 1 << 16 | 16, KVM_HC_FEATURES = 42 << 16 | 3 };

/* Entries of TLB1 beside the boot mapping's own, for every CPU alike. */
enum { SLOT_CCSR = 1, SLOT_WINDOW = 2, SLOT_RAM = 3 };
struct tlb_entry { u32 ea; u64 pa; u32 tsize; u32 attributes, rights; };
void tlb1_write(int slot, const struct tlb_entry *entry);                /* machine.c */
void map_ram(void);
bool is_mapped_ram(u32 address);               /* of an effective address */

/* exception.c: the load, store or cache instruction of the last Program interrupt, and the effective address that it
 * accesses; the name is NULL where it was another instruction. */
struct access { const char *name; u32 address; };
extern struct access refused_access;

void external_interrupt(void);               /* irq.c */
bool irq_is_active_high(u32 source);         /* of a source that was connected: what the MPIC has been told */
void decrementer_interrupt(void);            /* irq.c */

static inline void arch_virtio_slots(void) {}   /* without a device tree nothing is known */

/* For the samples that break things on purpose. */
static inline void undefined_instruction(void) { __asm__ volatile(".long 0"); }
static inline void break_exceptions(void) { write_spr(SPR_IVPR, 0x7f000000); }   /* nothing is there */
static inline u64 nowhere(void) { return 0x7f000000; }
#define UNMAPPED nowhere()   /* beyond 32 bits there is nothing for an instruction to reach */

/* Finisher, global utilities (reset) and the GPIO that switches off. */
static inline bool is_end_of_machine(u64 page) {
  return page == CCSR + 0xfe000 || page == CCSR + 0xe0000 || page == CCSR + 0xff000;
}
static inline void scribble_ports(u64 count, u64 seed) { (void)count, (void)seed; }

/* The lower half of runtime.h's probe_resume: where an instruction that may fault is gone on from. */
#define RESUME ((u32 *)&probe_resume)[1]
int odd_loads(u64 address, u32 expected);   /* odd_loads.c */

#endif
