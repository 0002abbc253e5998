/* start.c: from the entry code to main(): console, device tree, memory map, arguments.
 *
 * Deliberately absent: anything that a program may not need. Interrupt controllers, timers and other
 * CPUs are set up when first used, so that `hello` costs a few thousand instructions.
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

enum { MAX_RANGES = 16, MAX_SLOTS = 64 };

u64 uart_base;
u32 uart_irq;
u64 probe_resume;

static const char *args = "";
static struct range ram[MAX_RANGES], reserved[MAX_RANGES];
static struct virtio_slot slots[MAX_SLOTS];
static int ram_n, reserved_n, slots_n;

void set_boot_args(const char *text) { args = text; }
const char *boot_args(void) { return args; }

void add_ram(u64 base, u64 size) {
  if (ram_n < MAX_RANGES && size) ram[ram_n++] = (struct range){base, size};
}
void add_reserved(u64 base, u64 size) {
  if (reserved_n < MAX_RANGES && size) reserved[reserved_n++] = (struct range){base, size};
}
void add_virtio_slot(u64 base, u32 irq) {
  if (slots_n < MAX_SLOTS) slots[slots_n++] = (struct virtio_slot){base, irq};
}
int ram_ranges(const struct range **out) { return *out = ram, ram_n; }
int reserved_ranges(const struct range **out) { return *out = reserved, reserved_n; }

int virtio_slots(const struct virtio_slot **out) {
  struct range reg;
  if (!slots_n && !fdt) arch_virtio_slots();
  if (!slots_n)
    for (struct fdt_node n = {0}; fdt_find(&n, "virtio,mmio");)
      if (fdt_reg(&n, 0, &reg)) add_virtio_slot(reg.base, irq_from_tree(&n));
  return *out = slots, slots_n;
}

u64 boot_arg_number(const char *name, u64 fallback) {
  size_t n = strlen(name);
  for (const char *p = args; *p; p++) {
    if ((p != args && p[-1] != ' ') || strncmp(p, name, n) != 0 || p[n] != '=') continue;
    u64 value = 0, base = 10;
    p += n + 1;
    if (p[0] == '0' && p[1] == 'x') base = 16, p += 2;
    for (;; p++) {
      u64 digit = *p >= '0' && *p <= '9' ? (u64)(*p - '0') : *p >= 'a' && *p <= 'f' ? (u64)(*p - 'a' + 10) : 99;
      if (digit >= base) return value;
      value = value * base + digit;
    }
  }
  return fallback;
}

static void read_tree(void) {
  struct fdt_node n;
  struct range reg;
  add_reserved((u64)fdt, fdt_size(fdt));
  for (u32 i = 0; fdt_reservation(i, &reg); i++) add_reserved(reg.base, reg.size);
  bool inside = false;
  for (n = (struct fdt_node){0}; fdt_next(&n);) {
    if (n.depth == 2) inside = strcmp(n.name, "reserved-memory") == 0;   /* firmware's, where there is one */
    else if (inside && fdt_reg(&n, 0, &reg)) add_reserved(reg.base, reg.size);
  }
  if (fdt_path(&n, "chosen", NULL)) {
    if (fdt_string(&n, "bootargs")) args = fdt_string(&n, "bootargs");
    u64 initrd = fdt_number(&n, "linux,initrd-start", 0);
    add_reserved(initrd, fdt_number(&n, "linux,initrd-end", initrd) - initrd);
  }
  for (n = (struct fdt_node){0}; fdt_next(&n);) {
    const char *type = n.depth == 2 ? fdt_string(&n, "device_type") : NULL;
    if (type && strcmp(type, "memory") == 0)
      for (u32 i = 0; fdt_reg(&n, i, &reg); i++) add_ram(reg.base, reg.size);
  }
}

void console_write(const char *text, size_t length) { arch_uart->write(text, length); }
int console_read(void) { return arch_uart->read(); }

void console_on_receive(void (*handler)(void)) {
  irq_connect(uart_irq, handler);
  arch_uart->receive_irq(true);
}

_Noreturn void exit_with(int code) { arch_exit(code); }

_Noreturn void exception_exit(void) { exit_with(EXIT_EXCEPTION); }

_Noreturn void start(const void *tree) {
  if (fdt_valid(tree)) fdt = tree;
  uart_base = arch_uart_base;
  add_reserved((u64)image_start, (u64)(image_end - image_start));
  if (fdt) read_tree();
  arch_early();
  arch_uart->init();
  exit_with(main());
}
