/* contract_riscv64.c: the items of docs/boot-contract.md that are riscv64's own. */
#include "contract.h"

enum { IMAGE_OFFSET = 0x200000, HSM_STATUS = 2, HSM_STOPPED = 1, BASE_VERSION = 0, BASE_PROBE = 3 };
enum { A0 = 10, A1 = 11 };

static const struct board boards[] = {
  {"polyvisor,riscv64-virt", "ns16550a", 0x80000000u, 0x10000000, 0x100000},
  {"polyvisor,riscv64-kvmtool", "ns16550a", 0x80000000u, 0x3f8, 0x100000},
};

static void check_harts(void) {
  int described = 0, stopped = 0, others = 0;
  struct range reg;
  for (struct fdt_node n = {0}; fdt_next(&n);) {
    const char *type = n.depth == 3 ? fdt_string(&n, "device_type") : NULL;
    if (!type || strcmp(type, "cpu") != 0 || !fdt_reg(&n, 0, &reg)) continue;
    if (reg.base == boot_state.x[A0]) {
      described++;
      continue;
    }
    others++;
    struct sbi_result status = sbi_call(SBI_HSM, HSM_STATUS, reg.base, 0, 0);
    stopped += status.error == 0 && status.value == HSM_STOPPED;
  }
  check_equal("a0 = hart id that is in /cpus once", 1, (u64)described);
  check_equal("other harts are stopped", (u64)others, (u64)stopped);
}

static void check_sbi(const char *name, u64 extension) {
  struct sbi_result r = sbi_call(SBI_BASE, BASE_PROBE, extension, 0, 0);
  check_true(name, r.error == 0 && r.value != 0);
}

void check_architecture(void) {
  const struct board *board = this_board(boards, sizeof boards / sizeof *boards);
  check_equal("a1 = device tree", (u64)fdt, boot_state.x[A1]);
  check_registers_zero("x1 to x9 are 0", boot_state.x, 1, 9);
  check_registers_zero("x12 to x31 are 0", boot_state.x, 12, 31);
  check_equal("satp = 0 (no translation)", 0, boot_state.satp);
  check_bits("sstatus.SIE = 0", SSTATUS_SIE, 0, boot_state.sstatus);
  check_equal("sie = 0", 0, boot_state.sie);
  if (!fdt) return check_true("a device tree", false);
  check_device_tree((u64)fdt, board->ram_base);
  if (image_kind() == KIND_IMAGE) check_bits("Image is 2 MiB aligned", 0x1fffff, 0, boot_state.pc);
  else check_equal("entry is 2 MiB above the start of RAM", board->ram_base + IMAGE_OFFSET, boot_state.pc);
  check_true("SBI version is 0.2 or later", sbi_call(SBI_BASE, BASE_VERSION, 0, 0, 0).value >= 2);
  check_sbi("SBI TIME", SBI_TIME);
  check_sbi("SBI HSM", SBI_HSM);
  check_sbi("SBI SRST", SBI_SRST);
  check_harts();
  check_true("timebase-frequency", clock_frequency() != 0);
  check_devices(board);
}
