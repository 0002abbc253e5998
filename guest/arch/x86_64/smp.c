/* smp.c: the other CPUs, found in the ACPI MADT and started by INIT and STARTUP messages. Their first
 * instructions: `trampoline` in entry.S. Intel SDM volume 3, 9.4 "Multiple-processor initialization";
 * ACPI 6.5, 5.2.5 (RSDP), 5.2.12 (MADT). CPUs are started one at a time.
 */
#include "arch.h"
#include "runtime.h"

enum { TRAMPOLINE = 0x10000, ICR_INIT = 0x4500, ICR_STARTUP = 0x4600, ICR_PENDING = 1 << 12 };
enum { MADT_LOCAL_APIC = 0, MADT_ENABLED = 1 };

struct __attribute__((packed)) rsdp { char signature[8]; u8 checksum; char oem[6]; u8 revision; u32 rsdt; u32 length; u64 xsdt; };
struct __attribute__((packed)) table { char signature[4]; u32 length; u8 rest[28]; };

extern char trampoline[], trampoline_end[], stacks[];
u64 secondary_stack;
void secondary_start(void);

static u32 apic_ids[MAX_CPUS];
static void (*functions[MAX_CPUS])(int);
static volatile int arrived;
static int count;

static const struct rsdp *find_rsdp(void) {
  u64 given = acpi_rsdp();
  if (given) return (const void *)given;
  for (u64 p = 0xe0000; p < 0x100000; p += 16)   /* where a BIOS leaves it */
    if (memcmp((const void *)p, "RSD PTR ", 8) == 0) return (const void *)p;
  return NULL;
}

static const u8 *find_madt(void) {
  const struct rsdp *rsdp = find_rsdp();
  if (!rsdp || memcmp(rsdp->signature, "RSD PTR ", 8) != 0) return NULL;
  bool wide = rsdp->revision >= 2 && rsdp->xsdt;
  const struct table *list = (const void *)(wide ? rsdp->xsdt : (u64)rsdp->rsdt);
  for (const u8 *p = (const u8 *)list + 36; p < (const u8 *)list + list->length; p += wide ? 8 : 4) {
    u64 address = 0;
    memcpy(&address, p, wide ? 8 : 4);
    if (memcmp((const void *)address, "APIC", 4) == 0) return (const void *)address;
  }
  return NULL;
}

int cpu_count(void) {
  if (count) return count;
  u32 self = lapic_read(LAPIC_ID) >> 24;
  apic_ids[count++] = self;
  const u8 *madt = find_madt();
  if (!madt) return count;
  const u8 *end = madt + ((const struct table *)madt)->length;
  for (const u8 *p = madt + 44; p + 8 <= end && p[1]; p += p[1])   /* type, length, processor, APIC id, flags */
    if (p[0] == MADT_LOCAL_APIC && p[4] & MADT_ENABLED && p[3] != self && count < MAX_CPUS) apic_ids[count++] = p[3];
  return count;
}

/* Every CPU runs on its own stack, so the stack pointer says which one this is. */
int cpu_index(void) {
  u64 sp;
  __asm__ volatile("mov %%rsp, %0" : "=r"(sp));
  return (int)((sp - (u64)stacks) / STACK_SIZE);
}

static void send(u32 apic_id, u32 message) {
  lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
  lapic_write(LAPIC_ICR_LOW, message);
  while (lapic_read(LAPIC_ICR_LOW) & ICR_PENDING) {}
}

/* Waits for the CPU to say that it is there; so `secondary_stack` can serve the next one. */
s64 cpu_start(int index, void (*function)(int)) {
  if (index <= 0 || index >= cpu_count()) return -1;
  lapic_enable();
  memcpy((void *)TRAMPOLINE, trampoline, (size_t)(trampoline_end - trampoline));
  functions[index] = function;
  secondary_stack = (u64)stacks + ((u64)index + 1) * STACK_SIZE;
  arrived = 0;
  send(apic_ids[index], ICR_INIT);
  for (int attempt = 0; attempt < 2; attempt++) {
    send(apic_ids[index], ICR_STARTUP | TRAMPOLINE >> 12);
    for (u32 i = 0; i < 200000000 && !arrived; i++) __asm__ volatile("pause");
    if (arrived) return 0;
  }
  return -2;
}

void secondary_start(void) {
  idt_init();
  arrived = 1;
  functions[cpu_index()](cpu_index());
  halt_forever();
}
