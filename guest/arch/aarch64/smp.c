/* smp.c: the other CPUs, started by PSCI CPU_ON (Arm DEN 0022, 5.6). Their first instructions: entry.S. */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

extern char secondary_entry[];
void secondary_start(int index);

static u64 affinity[MAX_CPUS];
static void (*functions[MAX_CPUS])(int);
static int count;

int cpu_count(void) {
  if (count) return count;
  u64 self = boot_state.mpidr_el1 & 0xff00ffffff;
  affinity[count++] = self;   /* the boot CPU is number 0, whatever the tree's order */
  struct range reg;
  for (struct fdt_node n = {0}; fdt_next(&n);) {
    const char *type = n.depth == 3 ? fdt_string(&n, "device_type") : NULL;
    if (!type || strcmp(type, "cpu") != 0 || !fdt_reg(&n, 0, &reg)) continue;
    if (reg.base != self && count < MAX_CPUS) affinity[count++] = reg.base;
  }
  return count;
}

int cpu_index(void) { return (int)read_sysreg(tpidr_el1); }

s64 cpu_start(int index, void (*function)(int)) {
  if (index <= 0 || index >= cpu_count()) return -2;
  functions[index] = function;
  dsb(ish);   /* read by the new CPU after its caches are on */
  return psci_call(PSCI_CPU_ON_64, affinity[index], (u64)secondary_entry, (u64)index);
}

void secondary_start(int index) {
  functions[index](index);
  psci_call(PSCI_CPU_OFF, 0, 0, 0);
}
