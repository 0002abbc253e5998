/* smp.c: the other CPUs, started through their entries in the ePAPR spin table (1.1, section 5.5.2): the entry's address
 * stands in the CPU's node; a waiting CPU looks at `addr` until bit 0 is clear. Their first instructions: entry.S.
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

struct spin_entry { u32 address_high, address_low, r3_high, r3_low, reserved, pir; };   /* big-endian, as we are */

extern char secondary_entry[];
_Noreturn void secondary_start(int index);

static u64 numbers[MAX_CPUS], releases[MAX_CPUS];
static void (*functions[MAX_CPUS])(int);
static int count;

int cpu_count(void) {
  if (count) return count;
  struct range reg;
  count = 1;   /* the boot CPU is the one without a release address */
  for (struct fdt_node n = {0}; fdt_next(&n);) {
    const char *type = n.depth == 3 ? fdt_string(&n, "device_type") : NULL;
    if (!type || strcmp(type, "cpu") != 0 || !fdt_reg(&n, 0, &reg)) continue;
    u64 release = fdt_number(&n, "cpu-release-addr", 0);
    if (!release || count == MAX_CPUS) continue;
    numbers[count] = reg.base;
    releases[count++] = release;
  }
  return count;
}

int cpu_index(void) {
  u32 index;
  __asm__ volatile("mr %0, 2" : "=r"(index));
  return (int)index;
}

/* Our own errors: -3 no such CPU, -6 it does not wait (or has been started). */
s64 cpu_start(int index, void (*function)(int)) {
  if (index <= 0 || index >= cpu_count()) return -3;
  volatile struct spin_entry *entry = (volatile struct spin_entry *)(u32)releases[index];
  if (!(entry->address_low & 1)) return -6;
  functions[index] = function;
  entry->pir = (u32)numbers[index];
  entry->r3_high = 0;
  entry->r3_low = (u32)index;
  entry->address_high = 0;
  io_barrier();
  entry->address_low = (u32)secondary_entry;
  io_barrier();
  return 0;
}

_Noreturn void secondary_start(int index) {
  map_ram();
  functions[index](index);
  halt_forever();
}
