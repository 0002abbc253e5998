/* irq.c: device interrupts through the PLIC (RISC-V PLIC 1.0.0), or through AIA where there is one (aia.c).
 *
 * Everything has priority 1 and goes to the hart that connected it.
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

enum { SOURCES = 1024, S_EXTERNAL = 9, ENABLE = 0x2000, ENABLE_STRIDE = 0x80, CONTEXT = 0x200000, CONTEXT_STRIDE = 0x1000 };

static void (*handlers[SOURCES])(void);
static enum { unknown, plic, aia } controller;
static u64 plic_base, plic_context;

/* The phandle of the interrupt controller inside /cpus/cpu@<this hart>. */
static u32 hart_intc(u64 hart) {
  struct range reg;
  bool inside = false;
  for (struct fdt_node n = {0}; fdt_next(&n);) {
    if (n.depth == 3) inside = fdt_compatible(&n, "riscv") && fdt_reg(&n, 0, &reg) && reg.base == hart;
    if (inside && fdt_compatible(&n, "riscv,cpu-intc")) return fdt_cell(&n, "phandle", 0, 0);
  }
  return 0;
}

/* A PLIC context is a position in `interrupts-extended`, a list of <hart's controller, interrupt>. */
static bool plic_init(void) {
  struct fdt_node n = {0};
  struct range reg;
  if (!fdt_find(&n, "sifive,plic-1.0.0")) {
    n = (struct fdt_node){0};
    if (!fdt_find(&n, "riscv,plic0")) return false;
  }
  if (!fdt_reg(&n, 0, &reg)) return false;
  u32 wanted = hart_intc(hart_id(cpu_index()));
  u32 length = 0;
  fdt_property(&n, "interrupts-extended", &length);
  for (u32 context = 0; 8 * context < length; context++) {
    if (fdt_cell(&n, "interrupts-extended", 2 * context, 0) != wanted) continue;
    if (fdt_cell(&n, "interrupts-extended", 2 * context + 1, 0) != S_EXTERNAL) continue;
    plic_base = reg.base;
    plic_context = reg.base + CONTEXT + context * CONTEXT_STRIDE;
    mmio_write32(plic_context, 0);   /* threshold: everything passes */
    return true;
  }
  return false;
}

void irq_connect(u32 source, void (*handler)(void)) {
  if (controller == unknown) controller = aia_init() ? aia : plic_init() ? plic : unknown;
  if (controller == unknown) {
    print("no interrupt controller in the device tree\n");
    exit_with(EXIT_EXCEPTION);
  }
  handlers[source] = handler;
  if (controller == aia) {
    aia_connect(source);
  } else {
    u64 context = (plic_context - plic_base - CONTEXT) / CONTEXT_STRIDE;
    u64 enable = plic_base + ENABLE + context * ENABLE_STRIDE + source / 32 * 4;
    mmio_write32(plic_base + 4 * source, 1);
    mmio_write32(enable, mmio_read32(enable) | 1u << source % 32);
  }
  set_csr(sie, SIE_SEIE);
}

u32 irq_from_tree(const struct fdt_node *node) { return fdt_cell(node, "interrupts", 0, 0); }

void external_interrupt(void) {
  for (;;) {
    u32 source = controller == aia ? aia_claim() : mmio_read32(plic_context + 4);
    if (!source) return;
    if (source < SOURCES && handlers[source]) handlers[source]();
    if (controller == aia) aia_complete(source);
    else mmio_write32(plic_context + 4, source);
  }
}

void interrupts_on(void) { set_csr(sstatus, SSTATUS_SIE); }
void interrupts_off(void) { clear_csr(sstatus, SSTATUS_SIE); }

/* WFI wakes for an interrupt enabled in sie even while sstatus.SIE is 0: nothing is lost before the sleep. */
void wait_for_interrupt(void) {
  __asm__ volatile("wfi" ::: "memory");
  interrupts_on();
  interrupts_off();
}
