/* machine.c: a PC without legacy: COM1, exit and power ports, memory map and arguments from either boot protocol.
 *
 * struct boot_params: Linux Documentation/arch/x86/zero-page.rst. struct hvm_start_info: Xen's start_info.h.
 * Ports: 0xf4 test exit (QEMU: isa-debug-exit), 0x604 ACPI PM1a control (QEMU q35), 0x64 keyboard controller.
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

enum {
  PORT_TEST_EXIT = 0xf4, PORT_PANIC = 0x505, PORT_MARK = 0x506, PORT_PM1A_CONTROL = 0x604, PORT_KEYBOARD = 0x64,
  SLEEP_ENABLE = 0x2000, PULSE_RESET = 0xfe
};
enum { E820_RAM = 1, LOW_MEMORY = 0x100000, START_MAGIC = 0x336ec578 };
enum { MICROVM_VIRTIO = 0xfeb00000, MICROVM_SLOTS = 8, MICROVM_IRQ = 16, SLOT_SIZE = 512, VIRTIO_MAGIC = 0x74726976 };

struct start_info {
  u32 magic, version, flags, modules;
  u64 module_list, command_line, rsdp, memory_map;
  u32 memory_map_entries, reserved;
};
struct module { u64 base, size, command_line, reserved; };
struct memory_entry { u64 base, size; u32 type, reserved; };
struct __attribute__((packed)) e820_entry { u64 base, size; u32 type; };

const struct uart *arch_uart = &uart_16550;
const u64 arch_uart_base = 0x3f8;

extern u64 page_directory_pointers[512];
static u64 rsdp;
void arch_start(void);

_Noreturn void arch_start(void) { start(NULL); }
u64 acpi_rsdp(void) { return rsdp; }

static void from_start_info(const struct start_info *info) {
  if (info->magic != START_MAGIC) return;
  if (info->command_line) set_boot_args((const char *)info->command_line);
  rsdp = info->rsdp;
  const struct module *modules = (const void *)info->module_list;
  for (u32 i = 0; i < info->modules; i++) add_reserved(modules[i].base, modules[i].size);
  const struct memory_entry *map = (const void *)info->memory_map;
  for (u32 i = 0; info->version >= 1 && i < info->memory_map_entries; i++)
    if (map[i].type == E820_RAM) add_ram(map[i].base, map[i].size);
}

static u64 field(const u8 *zero_page, u32 offset, u32 bytes) {
  u64 v = 0;
  memcpy(&v, zero_page + offset, bytes);
  return v;
}

static void from_boot_params(const u8 *zero_page) {
  u64 command_line = field(zero_page, 0x228, 4) | field(zero_page, 0x0c8, 4) << 32;
  if (command_line) set_boot_args((const char *)command_line);
  rsdp = field(zero_page, 0x070, 8);
  add_reserved(field(zero_page, 0x218, 4) | field(zero_page, 0x0c0, 4) << 32,
               field(zero_page, 0x21c, 4) | field(zero_page, 0x0c4, 4) << 32);
  const struct e820_entry *map = (const void *)(zero_page + 0x2d0);
  for (u64 i = 0; i < field(zero_page, 0x1e8, 1); i++)
    if (map[i].type == E820_RAM) add_ram(map[i].base, map[i].size);
}

void arch_early(void) {
  idt_init();
  uart_irq = 4;
  add_reserved(0, LOW_MEMORY);   /* boot data, the monitor's page tables, the trampoline */
  if (boot_state.pvh) from_start_info((const void *)boot_state.rbx);
  else from_boot_params((const void *)boot_state.rsi);
  const struct range *ram;
  for (int i = ram_ranges(&ram); i-- > 0;)
    if (ram[i].base >> 32) map_device(ram[i].base, ram[i].size);   /* uncached says the PAT; KVM knows better */
}

/* Pages of 1 GiB, where the CPU has them. */
void map_device(u64 base, u64 size) {
  if (!(cpuid(0x80000001).edx & 1 << 26)) return;
  for (u64 gib = base >> 30; gib <= (base + size - 1) >> 30 && gib < 512; gib++)
    if (!page_directory_pointers[gib]) page_directory_pointers[gib] = gib << 30 | 1 << 7 | 3;
}

/* There is no device tree: the slots are where QEMU's microvm has them, and they say what they are. */
void arch_virtio_slots(void) {
  for (u32 i = 0; i < MICROVM_SLOTS; i++) {
    u64 base = (u64)MICROVM_VIRTIO + i * SLOT_SIZE;
    if (mmio_read32(base) == VIRTIO_MAGIC) add_virtio_slot(base, MICROVM_IRQ + i);
  }
}

u32 irq_from_tree(const struct fdt_node *node) { return fdt_cell(node, "interrupts", 0, 0); }

_Noreturn void halt_forever(void) {
  for (;;) __asm__ volatile("cli; hlt");
}

_Noreturn void power_off(void) {
  outw(PORT_PM1A_CONTROL, SLEEP_ENABLE);
  halt_forever();
}

_Noreturn void system_reset(void) {
  outb(PORT_KEYBOARD, PULSE_RESET);
  halt_forever();
}

void report_panic(void) { outb(PORT_PANIC, 1); }

void mark(u32 number) { outl(PORT_MARK, number); }

_Noreturn void arch_exit(int code) {
  outl(PORT_TEST_EXIT, (u32)code);
  power_off();   /* no test-exit device here: the status is lost */
}

bool probe_read(u64 address, int width, u64 *value) {
  u64 v = 0, ok = 0;
#define LOAD(instruction) __asm__ volatile( \
    "movq $1f, %2\n " instruction "\n mov $1, %1\n 1:" : "+r"(v), "+r"(ok), "=m"(probe_resume) : "r"(address) : "memory")
  if (width == 1) LOAD("movb (%3), %b0");
  else if (width == 2) LOAD("movw (%3), %w0");
  else if (width == 4) LOAD("movl (%3), %k0");
  else LOAD("movq (%3), %0");
  probe_resume = 0;
  *value = v;
  return ok;
}

bool probe_write(u64 address, int width, u64 value) {
  u64 ok = 0;
#define STORE(instruction) __asm__ volatile( \
    "movq $1f, %1\n " instruction "\n mov $1, %0\n 1:" : "+r"(ok), "=m"(probe_resume) : "r"(address), "r"(value) : "memory")
  if (width == 1) STORE("movb %b3, (%2)");
  else if (width == 2) STORE("movw %w3, (%2)");
  else if (width == 4) STORE("movl %k3, (%2)");
  else STORE("movq %3, (%2)");
  probe_resume = 0;
  return ok;
}
