/* machine.c: QEMU's `virt` machine and what is like it: console, power.
 *
 * SBI 2.0: chapter 10 (System Reset), chapter 4 (Base).
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

const struct uart *arch_uart = &uart_16550;
const u64 arch_uart_base = 0x10000000;

struct sbi_result sbi_call(u64 extension, u64 function, u64 a, u64 b, u64 c) {
  register u64 a0 __asm__("a0") = a;
  register u64 a1 __asm__("a1") = b;
  register u64 a2 __asm__("a2") = c;
  register u64 a6 __asm__("a6") = function;
  register u64 a7 __asm__("a7") = extension;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
  return (struct sbi_result){(s64)a0, a1};
}

void arch_early(void) {
  struct fdt_node n = {0};
  struct range reg;
  if (fdt_find(&n, "ns16550a") && fdt_reg(&n, 0, &reg)) {
    uart_base = reg.base;
    uart_irq = irq_from_tree(&n);
  }
}

/* Without translation everything is reachable. */
void map_device(u64 base, u64 size) { (void)base, (void)size; }

/* In "riscv,isa" ("rv64imafdc_zicsr_sstc") or, newer, "riscv,isa-extensions" (a list of strings). */
bool isa_has(const char *extension) {
  struct fdt_node n;
  if (!fdt_path(&n, "cpus", "cpu")) return false;
  u32 length;
  size_t wanted = strlen(extension);
  const char *list = fdt_property(&n, "riscv,isa-extensions", &length);
  for (const char *end = list + length; list && list < end; list += strlen(list) + 1)
    if (strcmp(list, extension) == 0) return true;
  for (const char *isa = fdt_string(&n, "riscv,isa"); isa && *isa; isa++)
    if (*isa == '_' && strncmp(isa + 1, extension, wanted) == 0 && (isa[1 + wanted] == '_' || !isa[1 + wanted]))
      return true;
  return false;
}

_Noreturn void halt_forever(void) {
  interrupts_off();
  write_csr(sie, 0);
  for (;;) __asm__ volatile("wfi");
}

_Noreturn void power_off(void) {
  sbi_call(SBI_SRST, 0, 0, 0, 0);   /* type 0: shutdown, reason 0: none */
  halt_forever();
}

_Noreturn void system_reset(void) {
  sbi_call(SBI_SRST, 0, 1, 0, 0);   /* type 1: cold reboot */
  halt_forever();
}

bool probe_read(u64 address, int width, u64 *value) {
  u64 v = 0, ok = 0, t;
#define LOAD(instruction) __asm__ volatile( \
    ".option push\n.option norvc\n lla %2, 1f\n sd %2, %3\n " instruction " %0, 0(%4)\n li %1, 1\n 1:\n.option pop" \
    : "+r"(v), "+r"(ok), "=&r"(t), "=m"(probe_resume) : "r"(address) : "memory")
  if (width == 1) LOAD("lbu");
  else if (width == 2) LOAD("lhu");
  else if (width == 4) LOAD("lwu");
  else LOAD("ld");
  probe_resume = 0;
  *value = v;
  return ok;
}

bool probe_write(u64 address, int width, u64 value) {
  u64 ok = 0, t;
#define STORE(instruction) __asm__ volatile( \
    ".option push\n.option norvc\n lla %1, 1f\n sd %1, %2\n " instruction " %4, 0(%3)\n li %0, 1\n 1:\n.option pop" \
    : "+r"(ok), "=&r"(t), "=m"(probe_resume) : "r"(address), "r"(value) : "memory")
  if (width == 1) STORE("sb");
  else if (width == 2) STORE("sh");
  else if (width == 4) STORE("sw");
  else STORE("sd");
  probe_resume = 0;
  return ok;
}
