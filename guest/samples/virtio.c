/* virtio.c: reads the first sector of a virtio block device and asks a virtio entropy device for random bytes.
 * With the argument `write=N` it also writes sector N, flushes and reads it back.
 * Exit status: how many of the devices that are there do not work; 9 if there is none.
 */
#include "virtio.h"

enum { SECTOR = 512, READ = 0, WRITE = 1, FLUSH = 4 };

static struct virtq queue;
static u8 data[SECTOR], copy[SECTOR];
static struct virtio_block_request request;

static bool block_io(const struct virtio_device *d, u32 type, u64 sector, void *bytes, u32 length) {
  request = (struct virtio_block_request){.type = type, .sector = sector};
  bool answered = virtio_block_io(d, &queue, &request, bytes, length);
  if (!answered || request.status)
    print("block: request type %u, sector %lu: %s, status %d\n", type, sector, answered ? "answered" : "no answer", request.status);
  return answered && request.status == 0;
}

static bool try_block(struct virtio_device *d) {
  if (!virtio_open(d, 1ull << 9) || !virtio_queue(d, 0, &queue)) return false;   /* 9: flush */
  virtio_driver_ok(d);
  u64 sectors = mmio_read32(d->base + VIRTIO_CONFIG) | (u64)mmio_read32(d->base + VIRTIO_CONFIG + 4) << 32;
  print("block: at 0x%lx, %lu sectors, features 0x%lx\n", d->base, sectors, d->features);
  if (!block_io(d, READ, 0, data, SECTOR)) return false;
  print("block: sector 0 begins with");
  for (int i = 0; i < 16; i++) print(" %02x", data[i]);
  print("\n");
  u64 target = boot_arg_number("write", ~0ull);
  if (target == ~0ull) return true;
  for (int i = 0; i < SECTOR; i++) data[i] = (u8)(i * 7 + 1);
  if (!block_io(d, WRITE, target, data, SECTOR)) return false;
  if (d->features & 1 << 9 && !block_io(d, FLUSH, 0, NULL, 0)) return false;
  if (!block_io(d, READ, target, copy, SECTOR)) return false;
  bool same = memcmp(data, copy, SECTOR) == 0;
  print("block: sector %lu written and read back: %s\n", target, same ? "same" : "DIFFERENT");
  return same;
}

static bool try_entropy(struct virtio_device *d) {
  u8 bytes[32] = {0};
  if (!virtio_open(d, 0) || !virtio_queue(d, 0, &queue)) return false;
  virtio_driver_ok(d);
  u32 got = virtio_entropy(d, &queue, bytes, sizeof bytes), sum = 0;
  print("entropy: at 0x%lx, %u bytes:", d->base, got);
  for (u32 i = 0; i < sizeof bytes; i++) print("%02x", bytes[i]), sum += bytes[i];
  print("\n");
  return got && got <= sizeof bytes && sum;
}

int main(void) {
  struct virtio_device d;
  int found = 0, broken = 0;
  for (int i = 0; virtio_find(VIRTIO_ID_BLOCK, i, &d); i++) found++, broken += !try_block(&d);
  for (int i = 0; virtio_find(VIRTIO_ID_ENTROPY, i, &d); i++) found++, broken += !try_entropy(&d);
  print("virtio: %d devices, %d broken\n", found, broken);
  return found ? broken : 9;
}
