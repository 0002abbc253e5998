/* irq.c: device interrupts through the I/O APIC, the local APIC's timer, the time stamp counter.
 *
 * Intel SDM volume 3, chapter 11 (local APIC); Intel 82093AA (I/O APIC). Both at their architectural addresses.
 * Deliberately absent: x2APIC, MSI, the 8259 (masked).
 */
#include "arch.h"
#include "runtime.h"

enum { IOREGSEL = 0x00, IOWIN = 0x10, REDIRECTION = 0x10, PINS = VECTOR_SPURIOUS - VECTOR_DEVICE };
enum { SVR_ENABLE = 1 << 8, DIVIDE_BY_1 = 0xb };

static void (*handlers[PINS])(void);
static void (*timer_handler[MAX_CPUS])(void);

void lapic_enable(void) {
  if (lapic_read(LAPIC_SVR) & SVR_ENABLE) return;
  outb(0x21, 0xff);   /* both 8259: all masked */
  outb(0xa1, 0xff);
  lapic_write(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
}

static void ioapic_write(u32 reg, u32 value) {
  mmio_write32((u64)IOAPIC + IOREGSEL, reg);
  mmio_write32((u64)IOAPIC + IOWIN, value);
}

void irq_connect(u32 pin, void (*handler)(void)) {
  lapic_enable();
  handlers[pin] = handler;
  ioapic_write(REDIRECTION + 2 * pin + 1, lapic_read(LAPIC_ID));   /* destination: this CPU (same bits, 24 to 31) */
  ioapic_write(REDIRECTION + 2 * pin, VECTOR_DEVICE + pin);        /* edge, active high, not masked */
}

void irq_dispatch(u64 vector) {
  if (vector == VECTOR_SPURIOUS) return;   /* no end of interrupt for it */
  if (vector == VECTOR_TIMER) timer_handler[cpu_index()]();
  else if (handlers[vector - VECTOR_DEVICE]) handlers[vector - VECTOR_DEVICE]();
  lapic_write(LAPIC_EOI, 0);
}

void interrupts_on(void) { __asm__ volatile("sti" ::: "memory"); }
void interrupts_off(void) { __asm__ volatile("cli" ::: "memory"); }

/* STI takes effect after the next instruction: no interrupt fits between it and HLT. */
void wait_for_interrupt(void) { __asm__ volatile("sti; hlt; cli" ::: "memory"); }

u64 clock_ticks(void) {
  u32 low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) :: "memory");
  return (u64)high << 32 | low;
}

/* The hypervisor's timing leaf (kHz), else the CPU's crystal leaf. */
u64 clock_frequency(void) {
  if (cpuid(1).ecx >> 31 && cpuid(0x40000000).eax >= 0x40000010) return (u64)cpuid(0x40000010).eax * 1000;
  struct cpuid c = cpuid(0).eax >= 0x15 ? cpuid(0x15) : (struct cpuid){0, 0, 0, 0};
  return c.eax ? (u64)c.ecx * c.ebx / c.eax : 0;
}

const char *timer_name(void) { return "local APIC timer"; }

/* The timer counts the bus clock: 1 GHz under KVM unless the monitor chose otherwise, and under QEMU. */
void timer_start(u64 microseconds, void (*handler)(void)) {
  lapic_enable();
  timer_handler[cpu_index()] = handler;
  lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
  lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER);   /* one shot */
  lapic_write(LAPIC_TIMER_COUNT, (u32)(microseconds * 1000));
}
