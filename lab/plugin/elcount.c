/* A QEMU (10.0, plugin API 4) TCG plugin: counts the instructions that an aarch64 lab host executes,
 * by who executes them, and prints the counters where a program asks for it.
 *
 * Classes, for a host whose kernel runs at EL2 (VHE, ARM DDI 0487 section D8.3.9 and HCR_EL2.TGE):
 *   monitor  EL0 while HCR_EL2.TGE is set: programs of the host
 *   host     EL2: the host's kernel with KVM
 *   guest    EL1, and EL0 while HCR_EL2.TGE is clear: the guest's kernel and programs
 *   other    EL3 and AArch32
 * A program asks by executing `movz xzr, #N`, which does nothing else and which no compiler emits:
 *   elcount mark=N monitor=A host=B guest=C other=D
 * on QEMU's standard error, counting up to that instruction's block; the same line with mark=end
 * follows at exit. Counting is by translated block: a block that an exception cuts short counts
 * whole (about one in a thousand). QEMU translates code separately for each exception level and
 * each value of TGE, so the class of a block is looked up once and holds for its life.
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
};

static uint64_t counters[MAX_CPUS][CLASSES];
static struct qemu_plugin_register *cpsr;
static struct qemu_plugin_register *hcr;

static uint64_t read_register(struct qemu_plugin_register *handle) {
  GByteArray *bytes = g_byte_array_new();
  uint64_t value = 0;
  const int size = qemu_plugin_read_register(handle, bytes);
  if (size > 0) memcpy(&value, bytes->data, size > 8 ? 8 : (size_t)size);
  g_byte_array_free(bytes, TRUE);
  return value;
}

static unsigned current_class(void) {
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
  if (block->class == UNKNOWN) block->class = current_class();
  counters[cpu % MAX_CPUS][block->class] += block->instructions;
}

static void on_mark(unsigned cpu, void *data) {
  char number[16];
  (void)cpu;
  snprintf(number, sizeof number, "%u", (unsigned)(uintptr_t)data);
  print_counters(number);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *translation) {
  const size_t count = qemu_plugin_tb_n_insns(translation);
  struct block *block = malloc(sizeof *block); /* kept: a block may be executed until the end */
  (void)id;
  block->class = UNKNOWN;
  block->instructions = (unsigned)count;
  qemu_plugin_register_vcpu_tb_exec_cb(translation, on_block, QEMU_PLUGIN_CB_R_REGS, block);
  for (size_t i = 0; i < count; ++i) {
    struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(translation, i);
    uint32_t word = 0;
    qemu_plugin_insn_data(instruction, &word, sizeof word);
    if ((word & 0xffe0001f) == 0xd280001f) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_mark, QEMU_PLUGIN_CB_NO_REGS,
                                             (void *)(uintptr_t)((word >> 5) & 0xffff));
    }
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
  }
  g_array_free(registers, TRUE);
  if (!cpsr || !hcr) fprintf(stderr, "elcount: this QEMU shows no cpsr or HCR_EL2\n"), exit(1);
}

static void at_end(qemu_plugin_id_t id, void *data) {
  (void)id;
  (void)data;
  print_counters("end");
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
  (void)argc;
  (void)argv;
  if (strcmp(info->target_name, "aarch64") != 0) return -1;
  qemu_plugin_register_vcpu_init_cb(id, on_cpu);
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_atexit_cb(id, at_end, NULL);
  return 0;
}
