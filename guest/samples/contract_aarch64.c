/* contract_aarch64.c: the items of docs/boot-contract.md that are aarch64's own. */
#include "contract.h"

enum { FLAT_OFFSET = 0x80000, ELF_ADDRESS = 0x40100000, PSCI_AFFINITY_INFO_64_LOW = 4 };

static const struct board boards[] = {
  {"polyvisor,aarch64-virt", "arm,pl011", 0x40000000, 0x09000000, 0x090f0000},
  {"polyvisor,aarch64-kvmtool", "ns16550a", 0x80000000, 0x01000000, 0x01110000},
  {"polyvisor,aarch64-crosvm", "ns16550a", 0x80000000, 0x3f8, 0x03010000},
};

static void check_place(u64 ram_base) {
  u64 tree = (u64)fdt;
  switch (image_kind()) {
    case KIND_ELF:
      check_equal("entry is the ELF's", ELF_ADDRESS, boot_state.pc);
      check_equal("device tree is where RAM begins (ELF)", ram_base, tree);
      break;
    case KIND_IMAGE:
      check_bits("Image is 2 MiB aligned", 0x1fffff, 0, boot_state.pc);
      break;
    case KIND_FLAT:
      check_equal("flat binary is 0x80000 above the start of RAM", ram_base + FLAT_OFFSET, boot_state.pc);
      break;
  }
}

static void check_cpus(void) {
  int described = 0, off = 0, others = 0;
  struct range reg;
  for (struct fdt_node n = {0}; fdt_next(&n);) {
    const char *type = n.depth == 3 ? fdt_string(&n, "device_type") : NULL;
    if (!type || strcmp(type, "cpu") != 0 || !fdt_reg(&n, 0, &reg)) continue;
    if (reg.base == (boot_state.mpidr_el1 & 0xff00ffffff)) {
      described++;
      continue;
    }
    others++;
    off += psci_call(0xc4000000 | PSCI_AFFINITY_INFO_64_LOW, reg.base, 0, 0) == 1;
  }
  check_equal("this CPU's MPIDR is in /cpus once", 1, (u64)described);
  check_equal("other CPUs are off", (u64)others, (u64)off);
}

void check_architecture(void) {
  struct fdt_node n = {0};
  const struct board *board = this_board(boards, sizeof boards / sizeof *boards);
  check_equal("x0 = device tree", (u64)fdt, boot_state.x[0]);
  check_registers_zero("x1 to x3 are 0", boot_state.x, 1, 3);
  check_registers_zero("x4 to x30 are 0", boot_state.x, 4, 30);
  check_equal("sp is 0", 0, boot_state.sp);
  check_equal("CurrentEL = EL1", 1 << 2, boot_state.current_el);
  check_equal("SPSel = 1 (EL1h)", 1, boot_state.spsel);
  check_equal("DAIF = all masked", 0xf << 6, boot_state.daif);
  check_bits("SCTLR_EL1.M = 0 (MMU off)", 1 << 0, 0, boot_state.sctlr_el1);
  check_bits("SCTLR_EL1.C = 0 (data cache off)", 1 << 2, 0, boot_state.sctlr_el1);
  check_bits("SCTLR_EL1.EE = 0 (little-endian)", 1 << 25, 0, boot_state.sctlr_el1);
  check_true("CNTFRQ_EL0 is set", boot_state.cntfrq_el0 != 0);
  check_bits("CNTV_CTL_EL0.ENABLE = 0 (timer off)", 1, 0, boot_state.cntv_ctl_el0);
  if (!fdt) return check_true("a device tree", false);
  check_device_tree((u64)fdt, board->ram_base);
  check_place(board->ram_base);
  check_true("/psci", fdt_find(&n, "arm,psci-0.2"));
  check_true("PSCI version is 0.2 or later", psci_call(PSCI_VERSION, 0, 0, 0) >= 2);
  check_cpus();
  n = (struct fdt_node){0};
  check_true("architected timer in the device tree", fdt_find(&n, "arm,armv8-timer"));
  check_devices(board);
}
