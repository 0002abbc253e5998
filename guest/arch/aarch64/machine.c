/* machine.c: QEMU's `virt` machine, kvmtool's, crosvm's and what is like them: console, exit, power, memory.
 *
 * PSCI: Arm DEN 0022F.
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

const struct uart *arch_uart = &uart_pl011;
const u64 arch_uart_base = 0x09000000;

static void map_gigabytes(u64 base, u64 size, u64 attributes) {
  for (u64 gib = base >> 30; gib <= (base + size - 1) >> 30 && gib < 512; gib++)
    if (!page_table[gib]) page_table[gib] = gib << 30 | attributes;
  dsb(ishst);   /* the walker sees the entries (it reads through the cache) ... */
  isb();        /* ... before any later instruction; an entry that was invalid is never in the TLB */
}

static void map_ram(u64 base, u64 size) { map_gigabytes(base, size, 1 | 1 << 2 | 3 << 8 | 1 << 10); }
void map_device(u64 base, u64 size) { map_gigabytes(base, size, 1 | 1 << 10 | 3ul << 53); }

void arch_start(void);

/* Image: x0, in whatever gigabyte that is. An ELF under QEMU gets no x0; there, as under polyvisor, the tree lies where
 * RAM begins, which is where our gigabyte does. */
void arch_start(void) {
  u64 tree = boot_state.x[0];
  if (tree) map_ram(tree, 1);
  if (!fdt_valid((const void *)tree)) tree = (u64)image_start & ~((1ul << 30) - 1);
  start((const void *)tree);
}

void arch_early(void) {
  struct fdt_node n = {0};
  struct range reg;
  const struct range *ram;
  if (fdt_find(&n, "arm,pl011") && fdt_reg(&n, 0, &reg)) {
    uart_base = reg.base;
    uart_irq = irq_from_tree(&n);
  } else if ((n = (struct fdt_node){0}, fdt_find(&n, "ns16550a")) && fdt_reg(&n, 0, &reg)) {
    arch_uart = &uart_16550;   /* kvmtool's and crosvm's boards */
    uart_base = reg.base;
    uart_irq = irq_from_tree(&n);
  }
  for (int i = ram_ranges(&ram); i-- > 0;) map_ram(ram[i].base, ram[i].size);
}

s64 psci_call(u32 function, u64 a, u64 b, u64 c) {
  static int method;   /* 0: not looked up yet, else 'h' or 's' */
  if (!method) {
    struct fdt_node n = {0};
    const char *name = fdt_find(&n, "arm,psci-0.2") ? fdt_string(&n, "method") : NULL;
    method = name && name[0] == 's' ? 's' : 'h';
  }
  register u64 x0 __asm__("x0") = function;
  register u64 x1 __asm__("x1") = a;
  register u64 x2 __asm__("x2") = b;
  register u64 x3 __asm__("x3") = c;
  if (method == 's')
    __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) :: "memory", "x4", "x5", "x6", "x7", "x8",
                     "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17");
  else
    __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) :: "memory", "x4", "x5", "x6", "x7", "x8",
                     "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17");
  return (s64)x0;
}

_Noreturn void halt_forever(void) {
  interrupts_off();
  for (;;) __asm__ volatile("wfi");
}

_Noreturn void power_off(void) {
  psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
  halt_forever();
}

_Noreturn void system_reset(void) {
  psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
  halt_forever();
}

bool probe_read(u64 address, int width, u64 *value) {
  u64 v = 0, ok = 0, t;
#define LOAD(instruction) __asm__ volatile( \
    "adr %2, 1f\n str %2, %3\n " instruction ", [%4]\n mov %1, #1\n 1:" \
    : "+r"(v), "+r"(ok), "=&r"(t), "=Q"(probe_resume) : "r"(address) : "memory")
  if (width == 1) LOAD("ldrb %w0");
  else if (width == 2) LOAD("ldrh %w0");
  else if (width == 4) LOAD("ldr %w0");
  else LOAD("ldr %0");
  probe_resume = 0;
  *value = v;
  return ok;
}

bool probe_write(u64 address, int width, u64 value) {
  u64 ok = 0, t;
#define STORE(instruction) __asm__ volatile( \
    "adr %1, 1f\n str %1, %2\n " instruction ", [%3]\n dsb sy\n mov %0, #1\n 1:" \
    : "+r"(ok), "=&r"(t), "=Q"(probe_resume) : "r"(address), "r"(value) : "memory")
  if (width == 1) STORE("strb %w4");
  else if (width == 2) STORE("strh %w4");
  else if (width == 4) STORE("str %w4");
  else STORE("str %4");
  probe_resume = 0;
  return ok;
}
