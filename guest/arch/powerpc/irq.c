/* irq.c: device interrupts through Freescale's MPIC, and the decrementer.
 *
 * MPIC: e500-era reference manuals ("Programmable Interrupt Controller"), Open PIC 1.2; big-endian registers. Every source
 * has priority 8 and goes to the CPU that connected it; an acknowledge gives the vector, which is the source's number.
 * Timers: Power ISA 2.06 book III-E, chapter 9.
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

enum { SOURCES = 256, SPURIOUS = 0xffff };
enum { GCR = 0x1020, SVR = 0x10e0, SOURCE = 0x10000, SOURCE_STRIDE = 0x20, DESTINATION = 0x10, PER_CPU = 0x20000,
       CPU_STRIDE = 0x1000, CTPR = 0x80, IACK = 0xa0, EOI = 0xb0 };
enum { ACTIVE_HIGH = 1 << 23, LEVEL = 1 << 22, PRIORITY_8 = 8 << 16 };
enum { TCR_DIE = 1 << 26, TSR_DIS = 1 << 27 };

static void (*handlers[SOURCES])(void);
static void (*timer_handler[MAX_CPUS])(void);
static u8 sense[SOURCES];   /* second cell of `interrupts` (binding fsl,mpic): 0 rising edge, 1 level low, 2 level high, 3 falling edge */
static u64 mpic;

static u64 own(u32 offset) { return mpic + PER_CPU + (u32)cpu_index() * CPU_STRIDE + offset; }

static void mpic_init(void) {
  struct fdt_node n = {0};
  struct range reg;
  if ((!fdt_find(&n, "fsl,mpic") && (n = (struct fdt_node){0}, !fdt_find(&n, "chrp,open-pic"))) || !fdt_reg(&n, 0, &reg)) {
    print("no interrupt controller in the device tree\n");
    exit_with(EXIT_EXCEPTION);
  }
  mpic = reg.base;
  mmio_write32be(mpic + GCR, 1u << 29);   /* mixed mode: interrupts are acknowledged by reading IACK */
  mmio_write32be(mpic + SVR, SPURIOUS);
}

void irq_connect(u32 source, void (*handler)(void)) {
  if (source >= SOURCES) return;
  if (!mpic) mpic_init();
  handlers[source] = handler;
  u64 registers = mpic + SOURCE + source * SOURCE_STRIDE;
  u32 kind = (sense[source] == 1 || sense[source] == 2 ? LEVEL : 0) | (sense[source] == 2 || sense[source] == 0 ? ACTIVE_HIGH : 0);
  mmio_write32be(registers + DESTINATION, 1u << cpu_index());
  mmio_write32be(registers, kind | PRIORITY_8 | source);
  mmio_write32be(own(CTPR), 0);
}

u32 irq_from_tree(const struct fdt_node *node) {
  u32 source = fdt_cell(node, "interrupts", 0, 0);
  if (source < SOURCES) sense[source] = (u8)fdt_cell(node, "interrupts", 1, 2);
  return source;
}

bool irq_is_active_high(u32 source) {
  return mpic && source < SOURCES && mmio_read32be(mpic + SOURCE + source * SOURCE_STRIDE) & ACTIVE_HIGH;
}

void external_interrupt(void) {
  u32 source = mmio_read32be(own(IACK));
  if (source == SPURIOUS) return;
  if (source < SOURCES && handlers[source]) handlers[source]();
  mmio_write32be(own(EOI), 0);
}

void interrupts_on(void) { __asm__ volatile("wrteei 1" ::: "memory"); }
void interrupts_off(void) { __asm__ volatile("wrteei 0" ::: "memory"); }

/* KVM's EV_IDLE returns once an interrupt is pending, whether or not MSR[EE] lets it through: nothing is lost before the
 * sleep. Without a hypervisor there is no such call, and the CPU does not sleep. */
void wait_for_interrupt(void) {
  struct hypercall_result ignored;
  if (hypercall_can_idle()) hypercall(EV_IDLE, 0, &ignored);
  interrupts_on();
  __asm__ volatile("nop; nop" ::: "memory");
  interrupts_off();
}

/* --- time -------------------------------------------------------------------------------------- */

const char *timer_name(void) { return "decrementer"; }

u64 clock_ticks(void) {
  u32 high, low, again;
  do __asm__ volatile("mftbu %0; mftb %1; mftbu %2" : "=r"(high), "=r"(low), "=r"(again));
  while (high != again);
  return (u64)high << 32 | low;
}

u64 clock_frequency(void) {
  for (struct fdt_node n = {0}; fdt_next(&n);) {
    const char *type = n.depth == 3 ? fdt_string(&n, "device_type") : NULL;
    if (type && strcmp(type, "cpu") == 0) return fdt_number(&n, "timebase-frequency", 0);
  }
  return 0;
}

void decrementer_interrupt(void) {
  write_spr(SPR_TCR, 0);
  write_spr(SPR_TSR, TSR_DIS);
  if (timer_handler[cpu_index()]) timer_handler[cpu_index()]();
}

/* The time itself last: each of these is an exit on a hypervisor, and an expiry before TSR is cleared would be lost. */
void timer_start(u64 microseconds, void (*handler)(void)) {
  timer_handler[cpu_index()] = handler;
  write_spr(SPR_DEC, 0x7fffffff);
  write_spr(SPR_TSR, TSR_DIS);
  write_spr(SPR_TCR, TCR_DIE);
  write_spr(SPR_DEC, (u32)(microseconds * clock_frequency() / 1000000));
}
