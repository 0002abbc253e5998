/* badvirtq.c: breaks the virtqueues of every block and entropy device in each way below. The device may ignore it,
 * answer it or ask for a reset (DEVICE_NEEDS_RESET); but after a reset it must work, after each single case, and this
 * program must still be alive. Exit status: the number of cases after which a device did not work (at most 99).
 * Arguments: `only=N` runs one case, `skip=N` all but one; `random=N` sets the number of random queues (default 200), `seed=N` their start.
 * virtio 1.2: 2.7 (split virtqueues), 2.7.5.3 (indirect descriptors), 4.2.2 (registers).
 */
#include "arch.h"
#include "virtio.h"

enum { SECTOR = 512 };
#define FAR (1ull << 60)

static struct virtio_device device;
static struct virtq queue;
static struct virtio_block_request request;
static struct virtq_desc table[32] __attribute__((aligned(16)));
static u8 data[4096] __attribute__((aligned(4096)));
static u64 seed;

static void reg(u32 offset, u32 value) {
  io_barrier();
  mmio_write32(device.base + offset, value);
}
static void reg64(u32 offset, u64 value) {
  reg(offset, (u32)value);
  reg(offset + 4, (u32)(value >> 32));
}
static void desc(u32 i, u64 address, u32 length, u16 flags, u16 next) {
  queue.desc[i] = (struct virtq_desc){address, length, flags, next};
}
static void kick(u16 head) { virtio_kick(&device, 0, &queue, head); }

/* A request that would be good, in descriptors 0, 1, 2 (block) or 0 (entropy): the cases then spoil it. */
static void good_chain(void) {
  request = (struct virtio_block_request){.status = 255};
  if (device.id == VIRTIO_ID_ENTROPY) return desc(0, (u64)data, 64, VIRTQ_WRITE, 0);
  desc(0, (u64)&request, 16, VIRTQ_NEXT, 1);
  desc(1, (u64)data, SECTOR, VIRTQ_NEXT | VIRTQ_WRITE, 2);
  desc(2, block_status_address(&request), 1, VIRTQ_WRITE, 0);
}

/* --- the cases: each is called with a device that is ready, queue 0 set up, nothing in it ---------------- */

static void loop_of_one(void) { good_chain(); queue.desc[0].flags |= VIRTQ_NEXT; queue.desc[0].next = 0; kick(0); }
static void loop_of_two(void) {
  desc(0, (u64)data, 64, VIRTQ_NEXT | VIRTQ_WRITE, 1);
  desc(1, (u64)data, 64, VIRTQ_NEXT | VIRTQ_WRITE, 0);
  kick(0);
}
static void next_outside(void) { good_chain(); queue.desc[0].flags |= VIRTQ_NEXT; queue.desc[0].next = 0xffff; kick(0); }
static void next_is_size(void) { good_chain(); queue.desc[0].flags |= VIRTQ_NEXT; queue.desc[0].next = VIRTQ_SIZE; kick(0); }
static void address_far(void) { good_chain(); queue.desc[device.id == VIRTIO_ID_BLOCK].address = FAR; kick(0); }
static void header_far(void) { good_chain(); queue.desc[0].address = FAR; kick(0); }
static void status_far(void) { good_chain(); queue.desc[2].address = FAR; kick(0); }
static void address_wraps(void) {
  good_chain();
  queue.desc[device.id == VIRTIO_ID_BLOCK].address = ~0ull - 15;
  queue.desc[device.id == VIRTIO_ID_BLOCK].length = 4096;
  kick(0);
}
static void address_is_device(void) { good_chain(); queue.desc[device.id == VIRTIO_ID_BLOCK].address = device.base; kick(0); }
static void address_null(void) { good_chain(); queue.desc[device.id == VIRTIO_ID_BLOCK].address = 0; kick(0); }
static void at_end_of_ram(u32 length) {
  const struct range *ram;
  int n = ram_ranges(&ram);
  good_chain();
  queue.desc[device.id == VIRTIO_ID_BLOCK].address = ram[n - 1].base + ram[n - 1].size - 16;
  queue.desc[device.id == VIRTIO_ID_BLOCK].length = length;
  kick(0);
}
static void crosses_end_of_ram(void) { at_end_of_ram(SECTOR); }
/* At the end of RAM: anywhere else a device would, rightly, overwrite this program. */
static void length_huge(void) { at_end_of_ram(0xffffffff); }
static void length_zero(void) { good_chain(); queue.desc[device.id == VIRTIO_ID_BLOCK].length = 0; kick(0); }
static void all_lengths_zero(void) { good_chain(); for (int i = 0; i < 3; i++) queue.desc[i].length = 0; kick(0); }
static void odd_length(void) { good_chain(); queue.desc[device.id == VIRTIO_ID_BLOCK].length = 513; kick(0); }
static void short_header(void) { good_chain(); queue.desc[0].length = 3; kick(0); }
static void long_header(void) { good_chain(); queue.desc[0].length = 4096; kick(0); }
static void header_alone(void) { good_chain(); queue.desc[0].flags &= (u16)~VIRTQ_NEXT; kick(0); }
static void no_status(void) { good_chain(); queue.desc[1].flags &= (u16)~VIRTQ_NEXT; kick(0); }
static void directions_swapped(void) { good_chain(); for (int i = 0; i < 3; i++) queue.desc[i].flags ^= VIRTQ_WRITE; kick(0); }
static void readable_after_writable(void) { good_chain(); queue.desc[1].flags |= VIRTQ_WRITE; queue.desc[2].flags &= (u16)~VIRTQ_WRITE; kick(0); }
static void unknown_flags(void) { good_chain(); for (int i = 0; i < 3; i++) queue.desc[i].flags |= 0xfff8; kick(0); }
static void chain_of_all(void) {
  for (u32 i = 0; i < VIRTQ_SIZE; i++) desc(i, (u64)data + i * 64, 64, i ? VIRTQ_NEXT | VIRTQ_WRITE : VIRTQ_NEXT, (u16)(i + 1));
  queue.desc[VIRTQ_SIZE - 1].flags = VIRTQ_WRITE;
  kick(0);
}
static void unknown_request(void) { good_chain(); request.type = 0x7777; kick(0); }
static void sector_outside(void) { good_chain(); request.sector = ~0ull; kick(0); }
static void sector_times_512_wraps(void) { good_chain(); request.sector = 1ull << 55; kick(0); }
static void write_outside(void) { good_chain(); request.type = 1; request.sector = 1ull << 54; queue.desc[1].flags = VIRTQ_NEXT; kick(0); }

static void head_outside(void) { good_chain(); kick(VIRTQ_SIZE); }
static void head_far_outside(void) { good_chain(); kick(0xffff); }
static void index_jumps(void) { good_chain(); queue.avail.index = 0x8000; kick(0); }
static void index_goes_back(void) { good_chain(); kick(0); queue.avail.index = (u16)(queue.avail.index - 2); kick(0); }
static void same_head_again(void) {
  good_chain();
  for (int i = 0; i < VIRTQ_SIZE; i++) queue.avail.ring[i] = 0;
  queue.avail.index = VIRTQ_SIZE - 1;
  kick(0);
}
static void notify_nothing(void) { for (int i = 0; i < 100; i++) reg(VIRTIO_QUEUE_NOTIFY, 0); }
static void notify_no_such_queue(void) { reg(VIRTIO_QUEUE_NOTIFY, 77); reg(VIRTIO_QUEUE_NOTIFY, ~0u); }
static void bad_avail_flags(void) { good_chain(); queue.avail.flags = 0xffff; queue.avail.used_event = 0xffff; kick(0); }
static void bad_used_ring(void) { good_chain(); queue.used.index = 0x1234; queue.used.flags = 0xffff; kick(0); }

static void indirect(u64 address, u32 length, u16 flags) {
  desc(0, address, length, flags, 1);
  desc(1, (u64)data, 64, VIRTQ_WRITE, 0);
  kick(0);
}
static void fill_table(u16 last_flags) {
  for (u16 i = 0; i < 32; i++) table[i] = (struct virtq_desc){(u64)data, 64, VIRTQ_NEXT | VIRTQ_WRITE, (u16)(i + 1)};
  table[31].flags = last_flags;
}
static void indirect_nested(void) { table[0] = (struct virtq_desc){(u64)table, 16, VIRTQ_INDIRECT, 0}; indirect((u64)table, 16, VIRTQ_INDIRECT); }
static void indirect_loop(void) { fill_table(VIRTQ_NEXT); table[31].next = 0; indirect((u64)table, sizeof table, VIRTQ_INDIRECT); }
static void indirect_next_outside(void) { fill_table(0); table[0].next = 1000; indirect((u64)table, sizeof table, VIRTQ_INDIRECT); }
static void indirect_odd(void) { fill_table(0); indirect((u64)table, 17, VIRTQ_INDIRECT); }
static void indirect_empty(void) { indirect((u64)table, 0, VIRTQ_INDIRECT); }
static void indirect_huge(void) { fill_table(0); indirect((u64)table, 0xfffffff0, VIRTQ_INDIRECT); }
static void indirect_far(void) { indirect(FAR, 64, VIRTQ_INDIRECT); }
static void indirect_unaligned(void) { fill_table(0); indirect((u64)table + 3, 64, VIRTQ_INDIRECT); }
static void indirect_and_next(void) { fill_table(0); indirect((u64)table, sizeof table, VIRTQ_INDIRECT | VIRTQ_NEXT); }
static void indirect_and_write(void) { fill_table(0); indirect((u64)table, sizeof table, VIRTQ_INDIRECT | VIRTQ_WRITE); }

/* Sets queue 0 up again, after a reset, with one thing wrong. */
static void setup(u32 size, u64 descriptors, u64 driver, u64 used) {
  good_chain();
  virtio_open(&device, VIRTIO_F_INDIRECT);
  reg(VIRTIO_QUEUE_SEL, 0);
  reg(VIRTIO_QUEUE_NUM, size);
  reg64(VIRTIO_QUEUE_DESC, descriptors);
  reg64(VIRTIO_QUEUE_DRIVER, driver);
  reg64(VIRTIO_QUEUE_DEVICE, used);
  reg(VIRTIO_QUEUE_READY, 1);
  virtio_driver_ok(&device);
  kick(0);
  kick(0);
}
#define Q (u64)queue.desc, (u64)&queue.avail, (u64)&queue.used
static void size_zero(void) { setup(0, Q); }
static void size_three(void) { setup(3, Q); }
static void size_huge(void) { setup(0x10000, Q); setup(~0u, Q); setup(0x8000, Q); }
static void queue_far(void) { setup(VIRTQ_SIZE, FAR, FAR + 4096, FAR + 8192); }
static void queue_wraps(void) { setup(VIRTQ_SIZE, ~0ull - 15, ~0ull - 1, ~0ull - 3); }
static void queue_at_zero(void) { setup(VIRTQ_SIZE, 0, 0, 0); }
static void queue_is_device(void) { setup(VIRTQ_SIZE, device.base, device.base, device.base); }
static void queue_unaligned(void) { setup(VIRTQ_SIZE, (u64)queue.desc + 1, (u64)&queue.avail + 1, (u64)&queue.used + 1); }
static void queue_overlaps_itself(void) { setup(VIRTQ_SIZE, (u64)data, (u64)data, (u64)data); }
static void used_far(void) { setup(VIRTQ_SIZE, (u64)queue.desc, (u64)&queue.avail, FAR); }

static void moved_while_ready(void) { good_chain(); reg64(VIRTIO_QUEUE_DESC, FAR); reg(VIRTIO_QUEUE_NUM, 3); kick(0); }
static void taken_away(void) { good_chain(); reg(VIRTIO_QUEUE_READY, 0); kick(0); reg(VIRTIO_QUEUE_READY, 1); kick(0); }
static void no_such_queue(void) {
  for (u32 q = 1; q < 100; q += 49) {
    reg(VIRTIO_QUEUE_SEL, q);
    reg(VIRTIO_QUEUE_NUM, 8);
    reg64(VIRTIO_QUEUE_DESC, (u64)queue.desc);
    reg(VIRTIO_QUEUE_READY, 1);
    reg(VIRTIO_QUEUE_NOTIFY, q);
  }
}
static void before_driver_ok(void) { virtio_open(&device, 0); virtio_queue(&device, 0, &queue); good_chain(); kick(0); }
static void without_features_ok(void) {
  virtio_reset(&device);
  reg(VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_DRIVER_OK);
  virtio_queue(&device, 0, &queue);
  good_chain();
  kick(0);
}
static void features_not_offered(void) {
  virtio_open(&device, 0);
  reg(VIRTIO_STATUS, 0);
  reg(VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
  for (u32 i = 0; i < 4; i++) reg(VIRTIO_DRIVER_FEATURES_SEL, i), reg(VIRTIO_DRIVER_FEATURES, ~0u);
  reg(VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
}
static void all_status_bits(void) { good_chain(); reg(VIRTIO_STATUS, 0xff); kick(0); reg(VIRTIO_STATUS, 0xffffffff); }
static void acknowledge_nothing(void) { reg(VIRTIO_INTERRUPT_ACK, ~0u); reg(VIRTIO_INTERRUPT_ACK, 0); }
static void write_config(void) { for (u32 i = 0; i < 0x100; i += 4) reg(VIRTIO_CONFIG + i, ~0u); }

static u64 random64(void) {   /* xorshift64 */
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

/* Random descriptors whose writable parts stay inside `data` or outside RAM: else the device, rightly, overwrites us. */
static void random_queues(void) {
  for (u64 n = boot_arg_number("random", 200); n--;) {
    for (u32 i = 0; i < VIRTQ_SIZE; i++) {
      u64 r = random64();
      u64 address = r & 1 ? (u64)data + (r >> 8) % 2048 : r & 2 ? FAR + (r >> 8) : device.base + (r >> 8) % 512;
      u32 length = r & 4 ? (u32)(r >> 20) % 2048 : r & 1 ? 0 : (u32)(r >> 20) & 0xfffff;
      queue.desc[i] = (struct virtq_desc){address, length, (u16)(r >> 3 & 7), (u16)((r >> 32) % (VIRTQ_SIZE + 2))};
    }
    for (u32 i = 0; i < 32; i++) table[i] = queue.desc[i % VIRTQ_SIZE];
    if (random64() & 1) desc(0, (u64)table, (u32)(random64() % sizeof table), VIRTQ_INDIRECT, 0);
    kick((u16)(random64() % (VIRTQ_SIZE + 1)));
    if (virtio_status(&device) & VIRTIO_NEEDS_RESET) {
      virtio_open(&device, VIRTIO_F_INDIRECT);
      virtio_queue(&device, 0, &queue);
      virtio_driver_ok(&device);
    }
  }
}

#define CASE(name) {#name, name}
static const struct { const char *name; void (*run)(void); } cases[] = {
  CASE(loop_of_one), CASE(loop_of_two), CASE(next_outside), CASE(next_is_size), CASE(address_far), CASE(header_far),
  CASE(status_far), CASE(address_wraps), CASE(address_is_device), CASE(address_null), CASE(crosses_end_of_ram),
  CASE(length_huge), CASE(length_zero), CASE(all_lengths_zero), CASE(odd_length), CASE(short_header), CASE(long_header),
  CASE(header_alone), CASE(no_status), CASE(directions_swapped), CASE(readable_after_writable), CASE(unknown_flags),
  CASE(chain_of_all), CASE(unknown_request), CASE(sector_outside), CASE(sector_times_512_wraps), CASE(write_outside),
  CASE(head_outside), CASE(head_far_outside), CASE(index_jumps), CASE(index_goes_back), CASE(same_head_again),
  CASE(notify_nothing), CASE(notify_no_such_queue), CASE(bad_avail_flags), CASE(bad_used_ring), CASE(indirect_nested),
  CASE(indirect_loop), CASE(indirect_next_outside), CASE(indirect_odd), CASE(indirect_empty), CASE(indirect_huge),
  CASE(indirect_far), CASE(indirect_unaligned), CASE(indirect_and_next), CASE(indirect_and_write), CASE(size_zero),
  CASE(size_three), CASE(size_huge), CASE(queue_far), CASE(queue_wraps), CASE(queue_at_zero), CASE(queue_is_device),
  CASE(queue_unaligned), CASE(queue_overlaps_itself), CASE(used_far), CASE(moved_while_ready), CASE(taken_away),
  CASE(no_such_queue), CASE(before_driver_ok), CASE(without_features_ok), CASE(features_not_offered),
  CASE(all_status_bits), CASE(acknowledge_nothing), CASE(write_config), CASE(random_queues),
};
enum { CASES = sizeof cases / sizeof *cases };

static bool start_device(void) {
  if (!virtio_open(&device, VIRTIO_F_INDIRECT) || !virtio_queue(&device, 0, &queue)) return false;
  virtio_driver_ok(&device);
  return true;
}

static bool works(void) {
  if (!start_device()) return false;
  if (device.id == VIRTIO_ID_ENTROPY) return virtio_entropy(&device, &queue, data, 64) > 0;
  request = (struct virtio_block_request){.type = 0};
  return virtio_block_io(&device, &queue, &request, data, SECTOR) && request.status == 0;
}

/* Gives the device some time, then says what became of the bad queue. */
static const char *outcome(u16 before) {
  for (u32 i = 0; i < 200; i++) {
    if (virtio_status(&device) & VIRTIO_NEEDS_RESET) return "needs reset";
    if (queue.used.index != before) return "answered";
  }
  return "ignored";
}

static int break_device(void) {
  const char *kind = device.id == VIRTIO_ID_BLOCK ? "block" : "entropy";
  int bad = 0;
  u64 only = boot_arg_number("only", CASES), skip = boot_arg_number("skip", CASES);
  if (!works()) {
    print("%s at 0x%lx does not work to begin with\n", kind, device.base);
    return 1;
  }
  for (u64 i = 0; i < CASES; i++) {
    if ((only < CASES && i != only) || i == skip) continue;
    start_device();
    u16 before = queue.used.index;
    print("%s %lu %s: ", kind, i, cases[i].name);
    cases[i].run();
    print("%s", outcome(before));
    bool good = works();
    print("%s\n", good ? "" : "; FAIL it does not work after a reset");
    bad += !good;
  }
  return bad;
}

int main(void) {
  int devices = 0, bad = 0;
  seed = boot_arg_number("seed", 0x9e3779b97f4a7c15) | 1;
  for (int i = 0; virtio_find(VIRTIO_ID_BLOCK, i, &device); i++) devices++, bad += break_device();
  for (int i = 0; virtio_find(VIRTIO_ID_ENTROPY, i, &device); i++) devices++, bad += break_device();
  print("badvirtq: %d devices, %d cases each, %d failed\n", devices, CASES, bad);
  return bad > 98 ? 98 : devices ? bad : 99;
}
