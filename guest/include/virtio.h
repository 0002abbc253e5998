/* virtio.h: a small driver side of virtio-mmio with one request at a time.
 *
 * Specification: virtio 1.2, 2.7 (split virtqueues), 3.1 (initialisation), 4.2 (MMIO transport), 5.2 (block), 5.4 (entropy).
 * Deliberately absent: legacy devices (version 1), interrupts (the used ring is polled), packed rings.
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include "guest.h"

enum {   /* register offsets, 4.2.2 */
  VIRTIO_MAGIC = 0x00, VIRTIO_VERSION = 0x04, VIRTIO_DEVICE_ID = 0x08, VIRTIO_VENDOR_ID = 0x0c,
  VIRTIO_DEVICE_FEATURES = 0x10, VIRTIO_DEVICE_FEATURES_SEL = 0x14, VIRTIO_DRIVER_FEATURES = 0x20,
  VIRTIO_DRIVER_FEATURES_SEL = 0x24, VIRTIO_QUEUE_SEL = 0x30, VIRTIO_QUEUE_NUM_MAX = 0x34, VIRTIO_QUEUE_NUM = 0x38,
  VIRTIO_QUEUE_READY = 0x44, VIRTIO_QUEUE_NOTIFY = 0x50, VIRTIO_INTERRUPT_STATUS = 0x60, VIRTIO_INTERRUPT_ACK = 0x64,
  VIRTIO_STATUS = 0x70, VIRTIO_QUEUE_DESC = 0x80, VIRTIO_QUEUE_DRIVER = 0x90, VIRTIO_QUEUE_DEVICE = 0xa0,
  VIRTIO_CONFIG_GENERATION = 0xfc, VIRTIO_CONFIG = 0x100,
};
enum {   /* Status bits, 2.1 */
  VIRTIO_ACKNOWLEDGE = 1, VIRTIO_DRIVER = 2, VIRTIO_DRIVER_OK = 4, VIRTIO_FEATURES_OK = 8, VIRTIO_NEEDS_RESET = 64,
  VIRTIO_FAILED = 128,
};
enum { VIRTIO_ID_BLOCK = 2, VIRTIO_ID_ENTROPY = 4 };
enum { VIRTQ_NEXT = 1, VIRTQ_WRITE = 2, VIRTQ_INDIRECT = 4, VIRTQ_SIZE = 16 };
#define VIRTIO_F_INDIRECT (1ull << 28)
#define VIRTIO_F_VERSION_1 (1ull << 32)

/* Everything in memory that a device reads is little-endian (1.4), whatever the CPU is: the compiler sees to it. */
#define LITTLE __attribute__((scalar_storage_order("little-endian")))

struct LITTLE virtq_desc { u64 address; u32 length; u16 flags, next; };
struct LITTLE virtq_avail { u16 flags, index, ring[VIRTQ_SIZE], used_event; };
struct LITTLE virtq_used_entry { u32 id, length; };
struct LITTLE virtq_used { u16 flags, index; struct virtq_used_entry ring[VIRTQ_SIZE]; u16 avail_event; };

struct virtq {
  struct virtq_desc desc[VIRTQ_SIZE] __attribute__((aligned(4096)));
  struct virtq_avail avail __attribute__((aligned(64)));
  volatile struct virtq_used used __attribute__((aligned(64)));   /* the device writes here */
};

struct virtio_device { u64 base; u32 irq, id; u64 features; };

/* The `nth` (from 0) device with this id on the machine's virtio-mmio slots. */
bool virtio_find(u32 id, int nth, struct virtio_device *out);
/* Reset, then everything up to FEATURES_OK with VERSION_1 and those of `wanted` that are offered. */
bool virtio_open(struct virtio_device *device, u64 wanted);
void virtio_reset(const struct virtio_device *device);
/* Clears the queue and hands it to the device as number `index`; false if the device has no such queue. */
bool virtio_queue(const struct virtio_device *device, u32 index, struct virtq *queue);
void virtio_driver_ok(const struct virtio_device *device);
/* Makes descriptor `head` available and notifies. */
void virtio_kick(const struct virtio_device *device, u32 index, struct virtq *queue, u16 head);
/* Waits until the device has used one more than `before` (queue->used.index from before the kick). */
bool virtio_wait(const struct virtio_device *device, const struct virtq *queue, u16 before);
u32 virtio_status(const struct virtio_device *device);

struct LITTLE virtio_block_request {
  u32 type, reserved;   /* 0: read, 1: write, 4: flush, 8: get id */
  u64 sector;
  u8 status;            /* 0: good, 1: I/O error, 2: not supported; 255: the device wrote none */
};
static inline u64 block_status_address(const struct virtio_block_request *r) {
  return (u64)r + offsetof(struct virtio_block_request, status);
}
/* One request with `length` bytes of `data`; false if the device did not answer. */
bool virtio_block_io(const struct virtio_device *device, struct virtq *queue, struct virtio_block_request *request,
                     void *data, u32 length);
/* Asks for `length` random bytes; returns how many came, 0 if the device did not answer. */
u32 virtio_entropy(const struct virtio_device *device, struct virtq *queue, void *data, u32 length);

#endif
