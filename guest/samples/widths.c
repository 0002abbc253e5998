/* widths.c: reads device registers with every width and, where the architecture has them, with instructions that a
 * hypervisor must decode by itself
 * (argument `odd=1`: KVM ends many a guest there). Prints what it sees. Exit status: how many results cannot be right.
 * virtio 1.2, 4.2.2.2: control registers are for 32-bit accesses, the configuration space for 8, 16 and 32 bits.
 */
#include "arch.h"
#include "virtio.h"

static int wrong;

static void show(const char *what, u64 address) {
  print("%s at 0x%lx:", what, address);
  for (int width = 1; width <= 8; width *= 2) {
    u64 value;
    if (address % (u64)width) continue;   /* misaligned: not every KVM emulates it */
    if (probe_read(address, width, &value)) print("  %d: 0x%lx", width, value);
    else print("  %d: exception", width);
  }
  print("\n");
}

static void same(const char *what, u64 expected, u64 got) {
  if (expected == got) return;
  wrong++;
  print("FAIL %s: expected 0x%lx, got 0x%lx\n", what, expected, got);
}

int main(void) {
  const struct virtio_slot *slots;
  struct virtio_device block;
  int n = virtio_slots(&slots);
  print("widths: %d virtio slots\n", n);
  if (n) {
    show("virtio magic", slots[0].base);
    show("virtio version", slots[0].base + VIRTIO_VERSION);
    same("magic", 0x74726976, mmio_read32(slots[0].base));
    if (boot_arg_number("odd", 0)) wrong += odd_loads(slots[0].base, 0x74726976);
  }
  if (virtio_find(VIRTIO_ID_BLOCK, 0, &block)) {
    u64 config = block.base + VIRTIO_CONFIG;
    u32 word = mmio_read32(config), halves = mmio_read16(config) | (u32)mmio_read16(config + 2) << 16, bytes = 0;
    for (u32 i = 0; i < 4; i++) bytes |= (u32)mmio_read8(config + i) << 8 * i;
    show("block capacity", config);
    same("capacity by halves", word, halves);
    same("capacity by bytes", word, bytes);
  }
  print("widths: %d wrong\n", wrong);
  return wrong;
}
