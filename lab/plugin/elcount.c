/* A QEMU (10.0, plugin API 4) TCG plugin: counts the instructions that an aarch64 or riscv64 lab host
 * executes, by who executes them, and prints the counters where a program asks for it.
 *
 * Classes on aarch64, for a host whose kernel runs at EL2 (VHE, ARM DDI 0487 section D8.3.9 and
 * HCR_EL2.TGE), and on riscv64 (privileged architecture 1.12, chapter 8: V is the virtualization mode):
 *   monitor  EL0 while HCR_EL2.TGE is set; U with V=0: programs of the host
 *   host     EL2; S with V=0: the host's kernel with KVM
 *   guest    EL1, and EL0 while HCR_EL2.TGE is clear; V=1: the guest's kernel and programs
 *   other    EL3 and AArch32; M: the firmware
 * A program asks by executing `movz xzr, #N` (riscv64: the hint `addi x0, x0, N`), N from 1 to 15, which
 * does nothing else and which no compiler emits:
 *   elcount mark=N monitor=A host=B guest=C other=D
 * on QEMU's standard error, counting up to that instruction's block; the same line with mark=end
 * follows at exit. Counting is by translated block: a block that an exception cuts short counts
 * whole (about one in a thousand). QEMU translates code separately for each exception level and
 * each value of TGE (privilege and V), so the class of a block is looked up once and holds for its life.
 *
 * With the option blocks=on, mark 15 also prints where the instructions since the last mark 1 were
 * executed, one line for each block that was:
 *   elcount block=ADDRESS class=host instructions=I
 */
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu-plugin.h"

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

enum { MONITOR, HOST, GUEST, OTHER, CLASSES, UNKNOWN = CLASSES };
enum { MAX_CPUS = 16 };

struct block {
  unsigned class;
  unsigned instructions;
  uint64_t address;
  uint64_t times; /* since mark 1 */
  struct block *next;
};

static const char *const class_names[CLASSES] = {"monitor", "host", "guest", "other"};

static uint64_t counters[MAX_CPUS][CLASSES];
static struct qemu_plugin_register *cpsr;
static struct qemu_plugin_register *hcr;
static struct qemu_plugin_register *priv; /* bits 0-1 privilege, bit 2 V */
static gboolean riscv;
static gboolean with_blocks;
static struct block *blocks;

static uint64_t read_register(struct qemu_plugin_register *handle) {
  GByteArray *bytes = g_byte_array_new();
  uint64_t value = 0;
  const int size = qemu_plugin_read_register(handle, bytes);
  if (size > 0) memcpy(&value, bytes->data, size > 8 ? 8 : (size_t)size);
  g_byte_array_free(bytes, TRUE);
  return value;
}

static unsigned riscv_class(void) {
  const uint64_t mode = read_register(priv);
  if (mode & 4) return GUEST;
  switch (mode & 3) {
    case 0: return MONITOR;
    case 1: return HOST;
    default: return OTHER;
  }
}

static unsigned arm_class(void) {
  const uint64_t state = read_register(cpsr);
  const uint64_t trap_general_exceptions = (read_register(hcr) >> 27) & 1;
  if (state & 0x10) return OTHER;
  switch ((state >> 2) & 3) {
    case 0: return trap_general_exceptions ? MONITOR : GUEST;
    case 1: return GUEST;
    case 2: return HOST;
    default: return OTHER;
  }
}

static void print_counters(const char *mark) {
  uint64_t sum[CLASSES] = {0};
  for (unsigned cpu = 0; cpu < MAX_CPUS; ++cpu)
    for (unsigned class = 0; class < CLASSES; ++class) sum[class] += counters[cpu][class];
  fprintf(stderr, "elcount mark=%s monitor=%" PRIu64 " host=%" PRIu64 " guest=%" PRIu64 " other=%" PRIu64 "\n",
          mark, sum[MONITOR], sum[HOST], sum[GUEST], sum[OTHER]);
}

static void on_block(unsigned cpu, void *data) {
  struct block *block = data;
  if (block->class == UNKNOWN) block->class = riscv ? riscv_class() : arm_class();
  counters[cpu % MAX_CPUS][block->class] += block->instructions;
  ++block->times;
}

static void restart_blocks(void) {
  for (struct block *block = blocks; block; block = block->next) block->times = 0;
}

static void print_blocks(void) {
  for (const struct block *block = blocks; block; block = block->next)
    if (block->times)
      fprintf(stderr, "elcount block=%" PRIx64 " class=%s instructions=%" PRIu64 "\n", block->address,
              class_names[block->class], block->times * block->instructions);
}

static void on_mark(unsigned cpu, void *data) {
  const unsigned mark = (unsigned)(uintptr_t)data;
  char number[16];
  (void)cpu;
  snprintf(number, sizeof number, "%u", mark);
  print_counters(number);
  if (with_blocks && mark == 1) restart_blocks();
  if (with_blocks && mark == 15) print_blocks();
}

/* The number of the mark that this instruction is, or 0. */
static unsigned mark_number(const struct qemu_plugin_insn *instruction) {
  uint32_t word = 0;
  if (qemu_plugin_insn_data(instruction, &word, sizeof word) != sizeof word) return 0;
  if (riscv) return (word & 0x000fffff) == 0x00000013 && word >> 20 < 16 ? word >> 20 : 0;
  return (word & 0xffe0001f) == 0xd280001f ? (word >> 5) & 0xffff : 0;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *translation) {
  const size_t count = qemu_plugin_tb_n_insns(translation);
  struct block *block = malloc(sizeof *block); /* kept: a block may be executed until the end */
  (void)id;
  block->class = UNKNOWN;
  block->instructions = (unsigned)count;
  block->address = qemu_plugin_tb_vaddr(translation);
  block->times = 0;
  block->next = blocks;
  blocks = block;
  qemu_plugin_register_vcpu_tb_exec_cb(translation, on_block, QEMU_PLUGIN_CB_R_REGS, block);
  for (size_t i = 0; i < count; ++i) {
    struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(translation, i);
    const unsigned mark = mark_number(instruction);
    if (mark != 0)
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_mark, QEMU_PLUGIN_CB_NO_REGS,
                                             (void *)(uintptr_t)mark);
  }
}

static void on_cpu(qemu_plugin_id_t id, unsigned cpu) {
  GArray *registers = qemu_plugin_get_registers();
  (void)id;
  (void)cpu;
  for (guint i = 0; i < registers->len; ++i) {
    const qemu_plugin_reg_descriptor *one = &g_array_index(registers, qemu_plugin_reg_descriptor, i);
    if (strcmp(one->name, "cpsr") == 0) cpsr = one->handle;
    if (strcmp(one->name, "HCR_EL2") == 0) hcr = one->handle;
    if (strcmp(one->name, "priv") == 0) priv = one->handle;
  }
  g_array_free(registers, TRUE);
  if (riscv ? !priv : !cpsr || !hcr) {
    fprintf(stderr, "elcount: this QEMU does not show %s\n", riscv ? "priv" : "cpsr or HCR_EL2");
    exit(1);
  }
}

static void at_end(qemu_plugin_id_t id, void *data) {
  (void)id;
  (void)data;
  print_counters("end");
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
  riscv = strcmp(info->target_name, "riscv64") == 0;
  if (!riscv && strcmp(info->target_name, "aarch64") != 0) return -1;
  for (int i = 0; i < argc; ++i) {
    if (strcmp(argv[i], "blocks=on") == 0) with_blocks = TRUE;
    else return fprintf(stderr, "elcount: no option %s\n", argv[i]), -1;
  }
  qemu_plugin_register_vcpu_init_cb(id, on_cpu);
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_atexit_cb(id, at_end, NULL);
  return 0;
}
