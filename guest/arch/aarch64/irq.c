/* irq.c: Generic Interrupt Controller versions 3 and 2, whichever the device tree names; the virtual timer.
 *
 * GICv3: Arm IHI 0069, chapter 12 (registers); GICv2: Arm IHI 0048, chapter 4. Timer: DDI 0487, D11.
 * Everything is group 1 (v3) or group 0 (v2), one priority, interrupts go to the CPU that connected them.
 * Deliberately absent: LPIs and ITS, SGIs, priorities, preemption.
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

enum { INTIDS = 1020, SPI_BASE = 32, PPI_BASE = 16, NO_GIC = 0 };

/* Distributor */
enum { CTLR = 0x000, IGROUPR = 0x080, ISENABLER = 0x100, IPRIORITYR = 0x400, ITARGETSR = 0x800, ICFGR = 0xc00,
       IROUTER = 0x6000 };
/* GICv3 redistributor: the second 64 KiB frame looks like a distributor for interrupts 0 to 31. */
enum { GICR_TYPER = 0x08, GICR_WAKER = 0x14, GICR_SGI = 0x10000, GICR_STRIDE = 0x20000, GICR_STRIDE_V4 = 0x40000 };
/* GICv2 CPU interface */
enum { GICC_CTLR = 0x00, GICC_PMR = 0x04, GICC_IAR = 0x0c, GICC_EOIR = 0x10 };

#define ICC_PMR_EL1     S3_0_C4_C6_0
#define ICC_IAR1_EL1    S3_0_C12_C12_0
#define ICC_EOIR1_EL1   S3_0_C12_C12_1
#define ICC_SRE_EL1     S3_0_C12_C12_5
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7
/* The names above must expand before they become part of an instruction. */
#define read_icc(name) read_sysreg(name)
#define write_icc(name, value) write_sysreg(name, value)

static struct {
  int version;                 /* 3, 2, NO_GIC; 0 also before the first use */
  u64 distributor, second;     /* second: redistributors (v3) or CPU interface (v2) */
  u64 second_size;
} gic;

static void (*handlers[INTIDS])(void);
static u64 redistributor[MAX_CPUS];
static bool cpu_ready[MAX_CPUS];

static void find_gic(void) {
  struct fdt_node n = {0};
  struct range dist, second;
  int version = 3;
  if (!fdt_find(&n, "arm,gic-v3")) {
    static const char *const v2[] = {"arm,cortex-a15-gic", "arm,gic-400", "arm,cortex-a9-gic"};
    version = NO_GIC;
    for (int i = 0; i < 3 && !version; i++) {
      n = (struct fdt_node){0};
      if (fdt_find(&n, v2[i])) version = 2;
    }
  }
  if (!version || !fdt_reg(&n, 0, &dist) || !fdt_reg(&n, 1, &second)) {
    print("no interrupt controller in the device tree\n");
    exit_with(EXIT_EXCEPTION);
  }
  gic.distributor = dist.base;
  gic.second = second.base;
  gic.second_size = second.size;
  gic.version = version;
  mmio_write32(dist.base + CTLR, version == 3 ? 1 << 4 | 1 << 1 : 1);   /* v3: affinity routing, group 1 */
}

/* Finds this CPU's redistributor by its affinity, wakes it, opens the CPU interface. */
static void cpu_init_v3(int cpu) {
  u64 mpidr = read_sysreg(mpidr_el1);
  u64 affinity = (mpidr & 0xffffff) | (mpidr >> 8 & 0xff000000);
  for (u64 r = gic.second; r < gic.second + gic.second_size;) {
    u64 typer = mmio_read64(r + GICR_TYPER);
    if (typer >> 32 == affinity) {
      redistributor[cpu] = r;
      break;
    }
    r += typer & 1 << 1 ? GICR_STRIDE_V4 : GICR_STRIDE;   /* VLPIS: two more frames */
  }
  u64 r = redistributor[cpu];
  mmio_write32(r + GICR_WAKER, mmio_read32(r + GICR_WAKER) & ~2u);   /* ProcessorSleep */
  while (mmio_read32(r + GICR_WAKER) & 4) {}                         /* ChildrenAsleep */
  mmio_write32(r + GICR_SGI + IGROUPR, ~0u);
  write_icc(ICC_SRE_EL1, read_icc(ICC_SRE_EL1) | 1);
  isb();
  write_icc(ICC_PMR_EL1, 0xff);
  write_icc(ICC_IGRPEN1_EL1, 1);
  isb();
}

static void cpu_init(void) {
  int cpu = cpu_index();
  if (cpu_ready[cpu]) return;
  if (!gic.version) find_gic();
  if (gic.version == 3) {
    cpu_init_v3(cpu);
  } else {
    mmio_write32(gic.second + GICC_PMR, 0xff);
    mmio_write32(gic.second + GICC_CTLR, 1);
  }
  cpu_ready[cpu] = true;
}

static void connect(u32 intid, void (*handler)(void)) {
  cpu_init();
  handlers[intid] = handler;
  u64 bank = gic.version == 3 && intid < SPI_BASE ? redistributor[cpu_index()] + GICR_SGI : gic.distributor;
  u32 word = intid / 32 * 4, bit = 1u << intid % 32;
  if (gic.version == 3) {
    mmio_write32(bank + IGROUPR + word, mmio_read32(bank + IGROUPR + word) | bit);
    u64 mpidr = read_sysreg(mpidr_el1);
    if (intid >= SPI_BASE) mmio_write64(bank + IROUTER + 8 * intid, mpidr & 0xff00ffffff);
  } else if (intid >= SPI_BASE) {
    u8 self = mmio_read8(bank + ITARGETSR);   /* of a private interrupt: reads as this CPU's own bit */
    mmio_write8(bank + ITARGETSR + intid, self);
  }
  mmio_write8(bank + IPRIORITYR + intid, 0xa0);
  dsb(sy);   /* the handler is visible before the interrupt can come */
  mmio_write32(bank + ISENABLER + word, bit);
}

void irq_connect(u32 spi, void (*handler)(void)) { connect(SPI_BASE + spi, handler); }
u32 irq_from_tree(const struct fdt_node *node) { return fdt_cell(node, "interrupts", 1, 0); }

void irq_dispatch(void);
void irq_dispatch(void) {
  u32 iar = gic.version == 3 ? (u32)read_icc(ICC_IAR1_EL1) : mmio_read32(gic.second + GICC_IAR);
  u32 intid = iar & 0xffffff;
  if (gic.version != 3) intid = iar & 0x3ff;
  if (intid >= INTIDS) return;   /* 1020 to 1023: spurious */
  dsb(sy);
  if (handlers[intid]) handlers[intid]();
  if (gic.version == 3) write_icc(ICC_EOIR1_EL1, iar);
  else mmio_write32(gic.second + GICC_EOIR, iar);
  isb();
}

void interrupts_on(void) { __asm__ volatile("msr daifclr, #2" ::: "memory"); }
void interrupts_off(void) { __asm__ volatile("msr daifset, #2" ::: "memory"); }

/* WFI wakes for a masked interrupt too, so nothing is lost between the caller's test and the sleep. */
void wait_for_interrupt(void) {
  dsb(sy);
  __asm__ volatile("wfi" ::: "memory");
  interrupts_on();
  isb();
  interrupts_off();
}

static void (*timer_handler[MAX_CPUS])(void);

static void timer_interrupt(void) {
  write_sysreg(cntv_ctl_el0, 0);   /* the line is level: off before the end of interrupt */
  isb();
  timer_handler[cpu_index()]();
}

const char *timer_name(void) {
  cpu_init();
  return gic.version == 3 ? "virtual timer (CNTV) through GICv3" : "virtual timer (CNTV) through GICv2";
}
u64 clock_frequency(void) { return read_sysreg(cntfrq_el0); }

u64 clock_ticks(void) {
  isb();   /* else the counter may be read early */
  return read_sysreg(cntvct_el0);
}

void timer_start(u64 microseconds, void (*handler)(void)) {
  struct fdt_node n = {0};
  u32 ppi = fdt_find(&n, "arm,armv8-timer") ? fdt_cell(&n, "interrupts", 7, 11) : 11;   /* third of four */
  timer_handler[cpu_index()] = handler;
  connect(PPI_BASE + ppi, timer_interrupt);
  write_sysreg(cntv_tval_el0, microseconds * clock_frequency() / 1000000);
  write_sysreg(cntv_ctl_el0, 1);   /* enabled, not masked */
  isb();
}
