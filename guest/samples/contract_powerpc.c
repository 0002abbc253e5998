/* contract_powerpc.c: the items of docs/boot-contract.md that are powerpc's own. */
#include "contract.h"

enum { ELF_ADDRESS = 0x100000, EPAPR_MAGIC = 0x45504150 };
#define MAS1_VALID 0x80000000u
#define MAS1_TS 0x1000u
#define MAS2_M 4
#define MSR_GS 0x10000000u   /* guest state: on cores with a hypervisor mode every guest sees it set */

static u32 r(int n) { return boot_state.r[n]; }

static void check_zero(const char *name, int first, int last) {
  u64 values[32];
  for (int i = 0; i < 32; i++) values[i] = r(i);
  check_registers_zero(name, values, first, last);
}

static void ignore_input(void) {}

static bool mapped(u64 start, u64 size) { return start + size <= r(7); }

/* This runtime writes none of TLB0: what is valid there was so at the start. An entry is named by its way and by an
 * effective page number of its set. */
static u32 tlb0_valid(void) {
  u32 configuration = read_spr(SPR_TLB0CFG), entries = configuration & 0xfff, ways = configuration >> 24, valid = 0;
  for (u32 i = 0; i < entries; i++) {
    write_spr(SPR_MAS0, i % ways << 16);
    write_spr(SPR_MAS2, i / ways << 12);
    __asm__ volatile("isync; tlbre; isync" ::: "memory");
    valid += read_spr(SPR_MAS1) >> 31;
  }
  return valid;
}

static void check_mapping(void) {
  u32 size = r(7);
  check_true("r7 is a size that a TLB entry can have", size >= 4096 && !(size & (size - 1)) && __builtin_ctz(size) % 2 == 0);
  check_true("r7 covers the image", mapped((u64)image_start, (u64)(image_end - image_start)));
  check_true("r7 covers the device tree", fdt && mapped((u64)fdt, fdt_size(fdt)));
  check_bits("the mapping we run in is valid, in address space 0", MAS1_VALID | MAS1_TS, MAS1_VALID, boot_state.mas1);
  check_equal("its size is r7", size, 1024ull << 2 * (boot_state.mas1 >> 8 & 15));
  check_bits("it begins at effective address 0, cacheable, coherent, big-endian", 0xfffff000 | 0x1d, MAS2_M, boot_state.mas2);
  check_bits("it begins at physical address 0", 0xfffff000, 0, boot_state.mas3);
  check_equal("physical address, upper half", 0, boot_state.mas7);
  check_bits("supervisor may read, write and execute", 0x15, 0x15, boot_state.mas3);
  check_true("TLB1 has 16 entries or more", (boot_state.tlb1cfg & 0xfff) >= 16);
  check_equal("no other entry of TLB1 is valid", 1, boot_state.tlb1_valid);
  check_equal("no entry of TLB0 is valid", 0, tlb0_valid());
}

/* The tree says 2 (binding fsl,mpic: level, active high) of each device, and the driver here understands it. */
static void check_interrupts(void) {
  int interrupts = 0, high = 0;
  for (struct fdt_node n = {0}; fdt_next(&n);) {
    if (!fdt_property(&n, "interrupts", NULL)) continue;
    interrupts++;
    high += fdt_cell(&n, "interrupts", 1, 0) == 2;
  }
  check_true("device interrupts are level, active high", interrupts > 0 && interrupts == high);
  console_on_receive(ignore_input);
  check_true("the MPIC is told so", irq_is_active_high(uart_irq));
}

static void check_cpus(void) {
  int booted = 0, waiting = 0, others = 0;
  for (struct fdt_node n = {0}; fdt_next(&n);) {
    const char *type = n.depth == 3 ? fdt_string(&n, "device_type") : NULL;
    if (!type || strcmp(type, "cpu") != 0) continue;
    u64 release = fdt_number(&n, "cpu-release-addr", 0);
    if (!release) {
      booted++;
      continue;
    }
    const char *method = fdt_string(&n, "enable-method"), *status = fdt_string(&n, "status");
    bool described = method && strcmp(method, "spin-table") == 0 && status && strcmp(status, "disabled") == 0;
    others++;
    waiting += described && mapped(release, 24) && ((const u32 *)(u32)release)[1] == 1;
  }
  check_equal("one CPU has no release address", 1, (u64)booted);
  check_equal("the others wait in the spin table", (u64)others, (u64)waiting);
}

static void check_device(const char *name, const char *compatible, u64 expected) {
  struct fdt_node n = {0};
  struct range reg;
  if (fdt_find(&n, compatible) && fdt_reg(&n, 0, &reg)) check_equal(name, expected, reg.base);
  else check_true(name, false);
}

void check_architecture(void) {
  struct fdt_node n = {0};
  struct hypercall_result features;
  check_equal("r3 = device tree", (u64)fdt, r(3));
  check_equal("r6 = ePAPR's magic number", EPAPR_MAGIC, r(6));
  check_zero("r4, r5 are 0", 4, 5);
  check_zero("r8, r9 are 0", 8, 9);
  check_zero("r0 is 0", 0, 0);
  check_zero("r2 is 0", 2, 2);
  check_zero("r10 to r31 are 0", 10, 31);
  check_true("r1 is a stack within the mapping", r(1) % 8 == 0 && r(1) >= 4096 && mapped(r(1), 8));
  check_equal("MSR is 0 but for GS", 0, boot_state.msr & ~MSR_GS);
  check_equal("TCR is 0: timers off", 0, boot_state.tcr);
  check_equal("PID is 0", 0, boot_state.pid);
  check_mapping();
  if (!fdt) return check_true("a device tree", false);
  check_device_tree((u64)fdt, 0);
  if (image_kind() == KIND_ELF) check_equal("entry is the ELF's", ELF_ADDRESS, boot_state.pc);
  else check_equal("flat binary is where RAM begins", 0, boot_state.pc);
  check_cpus();
  check_true("timebase-frequency", clock_frequency() != 0);
  check_device("16550", "ns16550", CCSR + 0x4500);
  check_device("MPIC", "fsl,mpic", CCSR + 0x40000);
  check_device("test finisher", "sifive,test0", CCSR + 0xfe000);
  check_interrupts();
  check_true("power-off", fdt_find(&n, "gpio-poweroff"));
  check_true("/hypervisor answers a hypercall", hypercall(KVM_HC_FEATURES, 0, &features) && features.status == 0);
}
