/* scribble.c: reads and writes all over the address space outside RAM: devices that the machine describes, holes between
 * them, addresses above RAM; every width, odd values, on x86 the ports too. A guest may break itself, not the monitor:
 * this one must still be able to say so at the end. Status 0.
 * Left out: what ends or resets the machine as it should (test exit, panic, power, reset), the local APIC (an INIT to
 * ourselves), UART data (the log stays readable). Arguments: `count=N` (default 3000), `seed=N`, `aligned=1`: no
 * misaligned accesses, at which KVM on riscv64 gives up.
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

enum { MAX_WINDOWS = 128, PAGE = 4096 };

static struct range windows[MAX_WINDOWS];
static int windows_n;
static u64 seed, panic_page = ~0ull;

static u64 random64(void) {   /* xorshift64 */
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

static bool is_ram(u64 address) {
  const struct range *ram;
  for (int i = ram_ranges(&ram); i-- > 0;)
    if (address + 8 > ram[i].base && address < ram[i].base + ram[i].size) return true;
  return false;
}

static void find_windows(void) {
  struct range reg;
  struct fdt_node panic = {0};
  if (fdt_find(&panic, "qemu,pvpanic-mmio") && fdt_reg(&panic, 0, &reg)) panic_page = reg.base;
  for (struct fdt_node n = {0}; fdt_next(&n);)
    for (u32 i = 0; n.size_cells && fdt_reg(&n, i, &reg) && windows_n < MAX_WINDOWS; i++)
      if (!is_ram(reg.base) && reg.size && !fdt_compatible(&n, "sifive,test0") && reg.base != panic_page)
        windows[windows_n++] = reg;
}

/* Half in the windows of devices, a quarter below 4 GiB, a quarter anywhere in 39 bits. */
static u64 pick(void) {
  u64 r = random64();
  if (r & 1 && windows_n) {
    struct range *w = &windows[(r >> 8) % (u64)windows_n];
    return w->base + (r >> 16) % (w->size < PAGE ? w->size : r & 4 ? w->size : PAGE);
  }
  return r & 2 ? r >> 8 & 0xffffffff : r >> 8 & 0x7fffffffff;
}

static bool left_out(u64 address) {
  u64 page = address & ~(u64)(PAGE - 1);
  return is_ram(address) || is_end_of_machine(page) || page == panic_page || address - uart_base < 8;
}

int main(void) {
  static const u64 values[] = {0, ~0ull, 1, 0x80000000, 0x5555555555555555, 0xff00ff00ff00ff00};
  u64 count = boot_arg_number("count", 3000), reads = 0, writes = 0, faults = 0;
  seed = boot_arg_number("seed", 0x2545f4914f6cdd1d) | 1;
  bool aligned = boot_arg_number("aligned", 0) != 0;
  find_windows();
  print("scribble: %d windows, %lu accesses\n", windows_n, 2 * count);
  map_device(0, 1ull << 39);
  for (u64 i = 0; i < count; i++) {
    u64 address = pick(), r = random64(), ignored;
    int width = 1 << (r & 3);
    if (aligned || r & 12) address &= ~(u64)(width - 1);   /* mostly aligned */
    if (left_out(address)) continue;
    bool good = probe_read(address, width, &ignored);
    reads += good;
    faults += !good;
    good = probe_write(address, width, r & 16 ? random64() : values[(r >> 8) % (sizeof values / sizeof *values)]);
    writes += good;
    faults += !good;
  }
  scribble_ports(count, random64());
  arch_uart->init();   /* it was written to as well */
  print("\nscribble: survived; %lu reads, %lu writes, %lu exceptions\n", reads, writes, faults);
  return 0;
}
