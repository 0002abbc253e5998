/* smp.c: the other harts, started by SBI HSM hart_start (SBI 2.0, chapter 9). Their first instructions: entry.S. */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

extern char secondary_entry[];
void secondary_start(int index);

static u64 harts[MAX_CPUS];
static void (*functions[MAX_CPUS])(int);
static int count;

int cpu_count(void) {
  if (count) return count;
  harts[count++] = boot_state.x[10];   /* a0: the boot hart is number 0, whatever the tree's order */
  struct range reg;
  for (struct fdt_node n = {0}; fdt_next(&n);) {
    const char *type = n.depth == 3 ? fdt_string(&n, "device_type") : NULL;
    if (!type || strcmp(type, "cpu") != 0 || !fdt_reg(&n, 0, &reg)) continue;
    if (reg.base != harts[0] && count < MAX_CPUS) harts[count++] = reg.base;
  }
  return count;
}

u64 hart_id(int cpu) {
  cpu_count();
  return harts[cpu];
}

int cpu_index(void) {
  u64 tp;
  __asm__ volatile("mv %0, tp" : "=r"(tp));
  return (int)tp;
}

s64 cpu_start(int index, void (*function)(int)) {
  if (index <= 0 || index >= cpu_count()) return -3;
  functions[index] = function;
  __asm__ volatile("fence rw, rw" ::: "memory");
  return sbi_call(SBI_HSM, 0, harts[index], (u64)secondary_entry, (u64)index).error;
}

void secondary_start(int index) {
  functions[index](index);
  sbi_call(SBI_HSM, 1, 0, 0, 0);   /* hart_stop */
}
