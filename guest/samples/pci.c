/* pci.c: lists what is on PCI bus 0, moves the BAR of a virtio entropy device to and fro while the other CPUs read
 * it at both places, then asks the device for random bytes where the BAR came to rest.
 *
 * Specification: PCI Local Bus 3.0, chapter 6; virtio 1.2, 4.1. The bridge is found in the device tree
 * ("pci-host-ecam-generic", or "pci-host-cam-generic" with 256 bytes for each function), on x86_64 where docs/boot-contract.md says.
 * Argument: `moves=N` (1000). Exit status: 0; 1: a read gave what it must not; 2: the device does not work; 9: none.
 */
#include "virtio.h"

#include "arch.h"
#include "fdt.h"

enum { ID = 0x00, COMMAND = 0x04, CLASS = 0x08, BAR1 = 0x14, MEMORY_ENABLE = 2 | 4 };
enum { ENTROPY_ID = 0x10441af4, TRANSITIONAL_ENTROPY_ID = 0x10051af4, MOVED_BY = 0x100000 };
/* Offsets in BAR 1, as the capabilities say too. */
enum { FEATURE_SELECT = 0, DRIVER_SELECT = 8, DRIVER_FEATURE = 12, QUEUES = 18, STATUS = 20, QUEUE = 22, SIZE = 24,
       ENABLE = 28, DESC = 32, DRIVER = 40, DEVICE = 48, NOTIFY = 0x300 };

static u64 ecam = 0xb0000000, window = 0xc0000000;   /* x86_64 */
static u32 device_shift = 15;
static volatile u64 first, second;
static volatile u32 seen, wrong, stop;
static struct virtq queue;

static u64 reg(int device, u32 offset) { return ecam + ((u64)device << device_shift) + offset; }

static bool find_bridge(void) {
  struct fdt_node node = {0}, conventional = {0};
  struct range range;
  if (!fdt) return true;
  if (fdt_find(&conventional, "pci-host-cam-generic")) {
    node = conventional;
    device_shift = 11;
  } else if (!fdt_find(&node, "pci-host-ecam-generic")) {
    return false;
  }
  if (!fdt_reg(&node, 0, &range)) return false;
  ecam = range.base;
  /* 7 cells a window, I/O before memory where there is any: the low half of the memory's address. */
  const bool io = fdt_cell(&node, "ranges", 0, 0) >> 24 == 1;
  window = fdt_cell(&node, "ranges", io ? 11 : 4, 0);
  return true;
}

static void reader(int index) {
  (void)index;
  while (!stop) {
    const u64 places[2] = {first, second};
    for (int i = 0; i < 2; i++) {
      u32 value = mmio_read16(places[i] + QUEUES);
      if (value == 1) __atomic_fetch_add(&seen, 1, __ATOMIC_RELAXED);
      else if (value != 0xffff) __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
    }
  }
}

static void move(int device, u64 to) { mmio_write32(reg(device, BAR1), (u32)to); }

static bool moves(int device) {
  u32 count = (u32)boot_arg_number("moves", 1000);
  for (int cpu = 1; cpu < cpu_count(); cpu++) cpu_start(cpu, reader);
  for (u32 n = 0; n < count; n++) {
    u64 to = n % 2 ? first : second, from = n % 2 ? second : first;
    move(device, to);
    if (mmio_read16(to + QUEUES) != 1) wrong++;
    if (mmio_read16(from + QUEUES) != 0xffff) wrong++;
  }
  stop = 1;
  print("pci: moved %u times; others read it %u times; wrong %u\n", count, seen, wrong);
  return wrong == 0;
}

static u32 set_up(u64 bar) {
  const u8 ready = VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK;
  mmio_write8(bar + STATUS, 0);
  mmio_write8(bar + STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
  for (u32 half = 0; half < 2; half++) {
    mmio_write32(bar + DRIVER_SELECT, half);
    mmio_write32(bar + DRIVER_FEATURE, (u32)(VIRTIO_F_VERSION_1 >> 32 * half));
  }
  mmio_write8(bar + STATUS, ready);
  const u64 parts[3] = {(u64)&queue.desc, (u64)&queue.avail, (u64)&queue.used};
  mmio_write16(bar + QUEUE, 0);
  mmio_write16(bar + SIZE, VIRTQ_SIZE);
  for (u32 i = 0; i < 3; i++) {
    mmio_write32(bar + DESC + 8 * i, (u32)parts[i]);
    mmio_write32(bar + DESC + 8 * i + 4, (u32)(parts[i] >> 32));
  }
  mmio_write16(bar + ENABLE, 1);
  mmio_write8(bar + STATUS, ready | VIRTIO_DRIVER_OK);
  return mmio_read8(bar + STATUS);
}

static bool entropy(int device, u64 bar) {
  static u8 bytes[32];
  u32 status = set_up(bar), sum = 0;
  queue.desc[0] = (struct virtq_desc){.address = (u64)bytes, .length = sizeof bytes, .flags = VIRTQ_WRITE};
  queue.avail.ring[0] = 0;
  io_barrier();
  queue.avail.index = 1;
  io_barrier();
  move(device, bar + MOVED_BY);   /* also while a driver is at work */
  mmio_write16(bar + MOVED_BY + NOTIFY, 0);
  for (u32 spins = 0; spins < 20000000 && queue.used.index != 1; spins++) {}
  io_barrier();
  print("pci: status 0x%x, %u random bytes:", status, queue.used.ring[0].length);
  for (u32 i = 0; i < sizeof bytes; i++) print("%02x", bytes[i]), sum += bytes[i];
  print("\n");
  return queue.used.index == 1 && queue.used.ring[0].length == sizeof bytes && sum;
}

int main(void) {
  int found = -1;
  if (!find_bridge()) return print("pci: no host bridge\n"), 9;
  map_device(ecam, (u64)32 << device_shift);
  for (int device = 0; device < 32; device++) {
    u32 id = mmio_read32(reg(device, ID));
    if (id == 0xffffffff) continue;
    print("pci: 00:%02x.0 %04x:%04x class %06x\n", device, id & 0xffff, id >> 16, mmio_read32(reg(device, CLASS)) >> 8);
    if (id == ENTROPY_ID || id == TRANSITIONAL_ENTROPY_ID) found = device;
  }
  if (found < 0) return print("pci: no entropy device\n"), 9;
  mmio_write32(reg(found, BAR1), 0xffffffff);
  u32 size = ~(mmio_read32(reg(found, BAR1)) & ~15u) + 1;
  first = window + MOVED_BY;
  second = window + 2 * MOVED_BY;
  map_device(window, 4 * MOVED_BY);
  move(found, first);
  mmio_write16(reg(found, COMMAND), MEMORY_ENABLE);
  print("pci: BAR 1 has 0x%x bytes, at 0x%lx\n", size, first);
  if (!moves(found)) return 1;
  move(found, first);
  return entropy(found, first) ? 0 : 2;
}
