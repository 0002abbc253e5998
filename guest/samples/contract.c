/* contract.c: checks docs/boot-contract.md item by item and reports each: `ok   name`, or
 * `FAIL name: expected E, got G`. The exit status is the number of failures (at most 99).
 * The state itself was saved by arch/<architecture>/entry.S at the very first instructions.
 */
#include "contract.h"

enum { PAGE = 4096, MEGABYTE = 1 << 20, STEP = 65536 };

extern char relocations_start[], relocations_end[], stacks[];
static int checks, failures;

static bool result(const char *name, bool good) {
  checks++;
  if (!good) failures++;
  else print("ok   %s\n", name);
  return good;
}

void check_true(const char *name, bool good) {
  if (!result(name, good)) print("FAIL %s\n", name);
}

void check_bits(const char *name, u64 mask, u64 expected, u64 got) {
  if (!result(name, (got & mask) == expected)) print("FAIL %s: expected 0x%lx, got 0x%lx\n", name, expected, got & mask);
}

void check_equal(const char *name, u64 expected, u64 got) { check_bits(name, ~0ull, expected, got); }

void check_registers_zero(const char *name, const u64 *values, int first, int last) {
  for (int i = first; i <= last; i++)
    if (values[i]) {
      result(name, false);
      print("FAIL %s: expected 0, got 0x%lx in number %d\n", name, values[i], i);
      return;
    }
  result(name, true);
}

/* The Image and the flat binary are position-independent links and thus have relocations; the Image has a magic number.
 * On powerpc the flat binary is the one that is linked at 0. */
enum image_kind image_kind(void) {
#ifdef __powerpc__
  if (!(u32)image_start) return KIND_FLAT;
#endif
  if (&relocations_start[0] == &relocations_end[0]) return KIND_ELF;
  return *(const u32 *)(image_start + 0x38) ? KIND_IMAGE : KIND_FLAT;
}

static bool overlap(u64 a, u64 a_end, u64 b, u64 b_end) { return a < b_end && b < a_end; }

static bool in_ram(u64 start, u64 end) {
  const struct range *ram;
  for (int i = ram_ranges(&ram); i-- > 0;)
    if (start >= ram[i].base && end <= ram[i].base + ram[i].size) return true;
  return false;
}

static bool clear_of_image(u64 start, u64 end) { return !overlap(start, end, (u64)image_start, (u64)image_end); }

void check_initrd(u64 start, u64 end) {
  if (start == end) return;
  check_true("initrd lies in RAM", in_ram(start, end));
  check_true("initrd does not overlap the image", clear_of_image(start, end));
  check_bits("initrd is page aligned", PAGE - 1, 0, start);
}

void check_device_tree(u64 address, u64 ram_base) {
  u64 end = address + fdt_size(fdt);
  struct fdt_node n;
  struct range reg;
  check_bits("device tree is 8-byte aligned", 7, 0, address);
  check_true("device tree lies in RAM", in_ram(address, end));
  check_true("device tree does not overlap the image", clear_of_image(address, end));
  check_true("device tree has at most 2 MiB", end - address <= 2 * MEGABYTE);
  check_equal("device tree crosses no 2 MiB boundary", address >> 21, (end - 1) >> 21);
  check_true("/memory with device_type", fdt_path(&n, "memory", NULL) && fdt_string(&n, "device_type"));
  if (fdt_reg(&n, 0, &reg)) check_equal("RAM begins where promised", ram_base, reg.base);
  if (!fdt_path(&n, "chosen", NULL)) return check_true("/chosen", false);
  check_true("/chosen stdout-path", fdt_string(&n, "stdout-path") != NULL);
  u64 initrd = fdt_number(&n, "linux,initrd-start", 0), initrd_end = fdt_number(&n, "linux,initrd-end", 0);
  check_initrd(initrd, initrd_end);
  check_true("device tree does not overlap the initrd", !overlap(address, end, initrd, initrd_end));
}

static u64 place_of(const char *compatible) {
  struct fdt_node n = {0};
  struct range reg;
  return fdt_find(&n, compatible) && fdt_reg(&n, 0, &reg) ? reg.base : 0;
}

/* A board of ours that nothing is promised of is as its tree says. */
static const struct board *described_board(const char *model) {
  static struct board board;
  struct fdt_node n;
  struct range reg;
  board.model = model;
  board.uart = place_of("arm,pl011") ? "arm,pl011" : "ns16550a";
  board.uart_base = place_of(board.uart);
  board.finisher = place_of("sifive,test0");
  if (fdt_path(&n, "memory", NULL) && fdt_reg(&n, 0, &reg)) board.ram_base = reg.base;
  print("no address is promised of %s\n", model);
  return &board;
}

const struct board *this_board(const struct board *boards, int count) {
  struct fdt_node root = {0};
  const char *model = fdt_next(&root) ? fdt_string(&root, "model") : NULL;
  for (int i = 0; model && i < count; i++)
    if (strcmp(model, boards[i].model) == 0) return &boards[i];
  if (model && strncmp(model, "polyvisor,", 10) == 0) return described_board(model);
  return &boards[0];
}

static void check_device(const char *compatible, u64 base) {
  struct fdt_node n = {0};
  struct range reg;
  check_true(compatible, fdt_find(&n, compatible) && fdt_reg(&n, 0, &reg));
  if (n.name) check_equal("  is where promised", base, reg.base);
}

void check_devices(const struct board *board) {
  check_device(board->uart, board->uart_base);
  check_device("sifive,test0", board->finisher);
}

static bool reserved(u64 start, u64 end) {
  const struct range *r;
  for (int i = reserved_ranges(&r); i-- > 0;)
    if (overlap(start, end, r[i].base, r[i].base + r[i].size)) return true;
  return false;
}

/* One word of each 64 KiB: touching every page would make the monitor's process as large as the guest. */
static void check_clean(void) {
  const struct range *ram;
  u64 words = 0, dirty = 0, first = 0;
  for (int i = ram_ranges(&ram); i-- > 0;)
    for (u64 p = ram[i].base; p + 8 <= ram[i].base + ram[i].size; p += STEP) {
      if (reserved(p & ~(u64)(PAGE - 1), (p | (PAGE - 1)) + 1)) continue;
      words++;
      if (*(const u64 *)p && !dirty++) first = p;
    }
  if (!result("RAM that nothing was loaded to is zero", !dirty))
    print("FAIL RAM that nothing was loaded to is zero: %lu of %lu words are not, the first at 0x%lx\n", dirty, words, first);
  bool zero = true;   /* the last stack is in the image but not in the file, and not used yet */
  for (const u64 *p = (const u64 *)(image_end - STACK_SIZE); p < (const u64 *)image_end; p++) zero &= *p == 0;
  check_true("memory of the image beyond its file is zero", zero);
}

int main(void) {
  static const char *const kinds[] = {"ELF", "Image", "flat binary"};
  print("boot contract of " ARCH_NAME ", linked as %s, loaded at 0x%lx\n", kinds[image_kind()], (u64)image_start);
  check_architecture();
  check_true("RAM is described", in_ram((u64)image_start, (u64)image_end));
  check_clean();
  u64 before = clock_ticks();
  for (volatile int i = 0; i < 1000; i++) {}
  check_true("the clock advances", clock_ticks() > before);
  print("contract: %d checks, %d failed\n", checks, failures);
  return failures > 99 ? 99 : failures;
}
