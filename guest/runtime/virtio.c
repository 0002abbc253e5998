/* virtio.c: see virtio.h. Numbers of sections are those of virtio 1.2. */
#include "virtio.h"

#include "arch.h"

enum { MAGIC = 0x74726976, VERSION = 2, WAIT_SPINS = 20000000 };

static u32 get(const struct virtio_device *d, u32 reg) { return mmio_read32(d->base + reg); }
static void set(const struct virtio_device *d, u32 reg, u32 value) {
  io_barrier();   /* everything in memory that this write announces is there */
  mmio_write32(d->base + reg, value);
}
static void set64(const struct virtio_device *d, u32 reg, u64 value) {
  set(d, reg, (u32)value);
  set(d, reg + 4, (u32)(value >> 32));
}

bool virtio_find(u32 id, int nth, struct virtio_device *out) {
  const struct virtio_slot *slots;
  for (int i = 0, n = virtio_slots(&slots); i < n; i++) {
    struct virtio_device d = {.base = slots[i].base, .irq = slots[i].irq};
    if (get(&d, VIRTIO_MAGIC) != MAGIC || get(&d, VIRTIO_DEVICE_ID) != id || nth--) continue;
    if (get(&d, VIRTIO_VERSION) != VERSION) {
      print("virtio at 0x%lx is a legacy device (version %u)\n", d.base, get(&d, VIRTIO_VERSION));
      return false;
    }
    d.id = id;
    *out = d;
    return true;
  }
  return false;
}

u32 virtio_status(const struct virtio_device *d) { return get(d, VIRTIO_STATUS); }

/* 4.2.2.1: the reset is complete when Status reads 0. */
void virtio_reset(const struct virtio_device *d) {
  set(d, VIRTIO_STATUS, 0);
  for (u32 i = 0; i < WAIT_SPINS && virtio_status(d); i++) {}
}

bool virtio_open(struct virtio_device *d, u64 wanted) {
  virtio_reset(d);
  set(d, VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE);
  set(d, VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
  set(d, VIRTIO_DEVICE_FEATURES_SEL, 0);
  u64 offered = get(d, VIRTIO_DEVICE_FEATURES);
  set(d, VIRTIO_DEVICE_FEATURES_SEL, 1);
  offered |= (u64)get(d, VIRTIO_DEVICE_FEATURES) << 32;
  d->features = offered & (wanted | VIRTIO_F_VERSION_1);
  for (u32 half = 0; half < 2; half++) {
    set(d, VIRTIO_DRIVER_FEATURES_SEL, half);
    set(d, VIRTIO_DRIVER_FEATURES, (u32)(d->features >> 32 * half));
  }
  u32 status = VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK;
  set(d, VIRTIO_STATUS, status);
  return virtio_status(d) == status;   /* the device clears FEATURES_OK if it does not agree */
}

bool virtio_queue(const struct virtio_device *d, u32 index, struct virtq *q) {
  memset(q, 0, sizeof *q);
  set(d, VIRTIO_QUEUE_SEL, index);
  if (get(d, VIRTIO_QUEUE_NUM_MAX) < VIRTQ_SIZE) return false;
  set(d, VIRTIO_QUEUE_NUM, VIRTQ_SIZE);
  set64(d, VIRTIO_QUEUE_DESC, (u64)q->desc);
  set64(d, VIRTIO_QUEUE_DRIVER, (u64)&q->avail);
  set64(d, VIRTIO_QUEUE_DEVICE, (u64)&q->used);
  set(d, VIRTIO_QUEUE_READY, 1);
  return true;
}

void virtio_driver_ok(const struct virtio_device *d) { set(d, VIRTIO_STATUS, virtio_status(d) | VIRTIO_DRIVER_OK); }

void virtio_kick(const struct virtio_device *d, u32 index, struct virtq *q, u16 head) {
  q->avail.ring[q->avail.index % VIRTQ_SIZE] = head;
  io_barrier();   /* the entry before the index that covers it, 2.7.13 */
  volatile struct virtq_avail *avail = &q->avail;
  avail->index = (u16)(avail->index + 1);
  set(d, VIRTIO_QUEUE_NOTIFY, index);
}

/* Time is counted in looks at memory, with a register read now and then, which lets the monitor run. */
bool virtio_wait(const struct virtio_device *d, const struct virtq *q, u16 before) {
  for (u32 i = 0; i < WAIT_SPINS; i++) {
    if (q->used.index != before) {
      io_barrier();   /* the index before what it covers */
      u32 pending = get(d, VIRTIO_INTERRUPT_STATUS);
      if (pending) set(d, VIRTIO_INTERRUPT_ACK, pending);
      return true;
    }
    if (i % 65536 == 65535 && virtio_status(d) & VIRTIO_NEEDS_RESET) return false;
  }
  return false;
}

bool virtio_block_io(const struct virtio_device *d, struct virtq *q, struct virtio_block_request *r, void *data, u32 length) {
  u16 from_device = r->type == 1 ? 0 : VIRTQ_WRITE;
  u16 status = length ? 2 : 1;
  r->status = 255;
  q->desc[0] = (struct virtq_desc){(u64)r, 16, VIRTQ_NEXT, 1};
  if (length) q->desc[1] = (struct virtq_desc){(u64)data, length, (u16)(VIRTQ_NEXT | from_device), 2};
  q->desc[status] = (struct virtq_desc){block_status_address(r), 1, VIRTQ_WRITE, 0};
  u16 before = q->used.index;
  virtio_kick(d, 0, q, 0);
  return virtio_wait(d, q, before);
}

u32 virtio_entropy(const struct virtio_device *d, struct virtq *q, void *data, u32 length) {
  q->desc[0] = (struct virtq_desc){(u64)data, length, VIRTQ_WRITE, 0};
  u16 before = q->used.index;
  virtio_kick(d, 0, q, 0);
  return virtio_wait(d, q, before) ? q->used.ring[before % VIRTQ_SIZE].length : 0;
}
