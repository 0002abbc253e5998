/* nisv_aarch64.c: reaches devices by loads and stores that the processor does not describe to a hypervisor (ESR_EL2.ISV = 0:
 * pairs, write-back, SIMD) and by their relatives, and checks every result.
 *
 * Each instruction runs once on RAM, where the processor executes it, and once on a device, where the hypervisor has to
 * complete it; all registers and what was stored must agree. Three times: as it is, from a second mapping of the code, and
 * big-endian. Then a line of text and a virtio entropy device are done by such instructions alone.
 * Exit status: how many results are wrong.
 * Arguments: `refused=1` also tries what no hypervisor can complete: each must be a data abort.
 * Arm ARM DDI 0487: C4.1.94 (encodings), D19.2.40 (the syndrome of a data abort).
 */
#include "arch.h"
#include "runtime.h"
#include "virtio.h"

/* What an instruction sees and leaves; the stubs below know the layout. */
struct state {
  u64 x[8];
  u64 v[8][2];
  u64 sctlr;   /* while it runs */
};
typedef void stub(struct state *);

/* x1: base, x2: index, all others and the vectors: data. Only the instruction itself runs with state.sctlr, which has the MMU
 * off for big-endian: the tables in memory are little-endian. */
#define STUB(name, instruction) \
  stub name; \
  __asm__(".arch armv8.2-a+simd\n.text\n.balign 64\n.hidden " #name "\n.global " #name "\n" #name ":\n" \
    "mov x9, x0\n mrs x10, sctlr_el1\n ldr x11, [x9, #192]\n mov x12, sp\n" \
    "ldp q0, q1, [x9, #64]\n ldp q2, q3, [x9, #96]\n ldp q4, q5, [x9, #128]\n ldp q6, q7, [x9, #160]\n" \
    "ldp x0, x1, [x9]\n ldp x2, x3, [x9, #16]\n ldp x4, x5, [x9, #32]\n ldp x6, x7, [x9, #48]\n" \
    "dsb sy\n msr sctlr_el1, x11\n isb\n" \
    instruction "\n" \
    "dsb sy\n msr sctlr_el1, x10\n isb\n mov sp, x12\n" \
    "stp x0, x1, [x9]\n stp x2, x3, [x9, #16]\n stp x4, x5, [x9, #32]\n stp x6, x7, [x9, #48]\n" \
    "stp q0, q1, [x9, #64]\n stp q2, q3, [x9, #96]\n stp q4, q5, [x9, #128]\n stp q6, q7, [x9, #160]\n" \
    "ret\n");

enum { UART_ID = 0xfe0, UART_LINE = 0x20 };
enum { REGION_SIZE = 64, LINE_REGISTERS = 4 };

/* Registers that can be read as often as one likes; `width`: of each plain read that makes the copy. */
enum region { ID1, ID2, ID4, ID8, END8, VIRTIO4, VIRTIO2, REGIONS };
static struct { u64 base; u32 width, size; } regions[REGIONS];
static u8 copies[REGIONS][REGION_SIZE] __attribute__((aligned(4096)));

/* region, where x1 points within it, x2, instruction. None that is described and extends a sign: for those Linux's KVM
 * (vcpu_data_host_to_guest) cuts the extension off again. */
#define LOADS(L) \
  L(0, ID4, 0, 0, "ldr w0, [x1], #4") \
  L(1, ID4, 4, 0, "ldr w0, [x1, #4]!") \
  L(2, ID4, 0, 0, "ldp w0, w3, [x1]") \
  L(3, ID4, 8, 0, "ldp w0, w3, [x1], #8") \
  L(4, ID4, 0, 0, "ldp w0, w3, [x1, #8]!") \
  L(5, ID4, 0, 0, "ldnp w0, w3, [x1, #16]") \
  L(6, ID1, 0, 0, "ldrb w0, [x1], #1") \
  L(7, ID1, 0, 0, "ldrsb w0, [x1, #20]!") \
  L(8, ID1, 28, 0, "ldrsb x0, [x1], #-1") \
  L(9, ID2, 4, 0, "ldrh w0, [x1], #2") \
  L(10, ID2, 8, 0, "ldrsh x0, [x1, #-4]!") \
  L(11, VIRTIO2, 0, 0, "ldrsh w0, [x1], #2") \
  L(12, VIRTIO2, 0, 0, "ldrsh x0, [x1], #2") \
  L(13, VIRTIO4, 24, 0, "ldrsw x0, [x1], #4") \
  L(14, VIRTIO4, 0, 0, "ldpsw x0, x3, [x1, #12]!") \
  L(15, VIRTIO4, 24, 0, "ldpsw x0, x3, [x1], #8") \
  L(16, ID4, 0, 0, "ldr wzr, [x1], #4") \
  L(17, ID4, 16, 0, "mov sp, x1\n ldr w0, [sp], #16\n mov x1, sp") \
  L(18, ID1, 0, 0, "ldr b0, [x1, #20]") \
  L(19, ID2, 0, 0, "ldr h1, [x1], #2") \
  L(20, ID4, 0, 0, "ldr s2, [x1, #4]!") \
  L(21, ID4, 0, 5, "ldr s0, [x1, x2, lsl #2]") \
  L(22, ID4, 8, -1, "ldr s0, [x1, w2, sxtw #2]") \
  L(23, ID1, 0, 7, "ldr b0, [x1, w2, uxtw]") \
  L(24, ID4, 0, 0, "ldur s7, [x1, #12]") \
  L(25, ID4, 0, 0, "ldp s0, s1, [x1], #8") \
  L(26, ID4, 0, 0, "ldnp s3, s4, [x1, #8]") \
  L(27, ID4, 0, 0, "ld1 {v0.4s}, [x1]") \
  L(28, ID1, 0, 0, "ld1 {v0.8b}, [x1], #8") \
  L(29, ID1, 0, 0, "ld1 {v0.16b, v1.16b}, [x1]") \
  L(30, ID2, 0, 0, "ld1 {v0.8h, v1.8h}, [x1], #32") \
  L(31, ID4, 8, 0, "ld1 {v1.s}[2], [x1], #4") \
  L(32, ID1, 20, 0, "ld1 {v1.b}[13], [x1]") \
  L(33, ID2, 4, 8, "ld1 {v1.h}[5], [x1], x2") \
  L(34, ID4, 0, 0, "ld1r {v0.4s}, [x1], #4") \
  L(35, ID1, 20, 0, "ld1r {v0.16b}, [x1]") \
  L(36, ID4, 0, 0, "ld2 {v0.4s, v1.4s}, [x1], #32") \
  L(37, ID1, 0, 0, "ld2 {v0.8b, v1.8b}, [x1]") \
  L(38, ID4, 0, 0, "ld3 {v5.2s, v6.2s, v7.2s}, [x1]") \
  L(39, ID4, 0, 0, "ld4 {v0.2s, v1.2s, v2.2s, v3.2s}, [x1], #32") \
  L(40, ID1, 0, 0, "ld4 {v0.8b, v1.8b, v2.8b, v3.8b}, [x1]") \
  L(41, ID4, 0, 0, "ld2 {v0.s, v1.s}[1], [x1]") \
  L(42, ID4, 0, 0, "ld3r {v0.2s, v1.2s, v2.2s}, [x1]") \
  L(43, ID2, 0, 24, "ld4 {v0.h, v1.h, v2.h, v3.h}[7], [x1], x2") \
  L(44, ID8, 0, 0, "ldr x0, [x1], #8") \
  L(45, ID8, 0, 0, "ldp x0, x3, [x1], #16") \
  L(46, ID8, 0, 0, "ldp x0, x3, [x1, #16]!") \
  L(47, ID8, 8, 0, "ldr d0, [x1], #8") \
  L(48, ID8, 0, 0, "ldp d0, d1, [x1]") \
  L(49, ID8, 0, 0, "ldr q0, [x1]") \
  L(50, ID8, 0, 0, "ldr q0, [x1], #16") \
  L(51, ID8, 0, 1, "ldr q0, [x1, x2, lsl #4]") \
  L(52, ID8, 0, 0, "ldp q0, q1, [x1]") \
  L(53, ID8, 0, 0, "ldnp q6, q7, [x1]") \
  L(54, ID8, 0, 0, "ld1 {v0.2d, v1.2d}, [x1], #32") \
  L(55, ID8, 0, 0, "ld2 {v0.2d, v1.2d}, [x1]") \
  L(56, ID8, 8, 0, "ld1 {v0.d}[1], [x1], #8") \
  L(57, ID8, 0, 0, "ld1r {v0.2d}, [x1]") \
  L(58, ID8, 0, 0, "ld4 {v0.d, v1.d, v2.d, v3.d}[0], [x1]") \
  L(59, END8, 0, 0, "ldp x0, x3, [x1, #8]") /* the last bytes of a page and the first of the next */ \
  L(60, END8, 0, 0, "ldp q0, q1, [x1]") \
  L(61, END8, 8, 0, "ld1 {v0.2d}, [x1], #16") \
  L(62, ID4, 0, 0, "ldar w0, [x1]") \
  L(63, ID1, 0, 0, "ldurb w0, [x1, #20]")

/* Where x1 points after the UART's line registers (ILPR, IBRD, FBRD, LCR_H); 1 if it stores 8 bytes at once. */
#define STORES(S) \
  S(0, 4, 0, "str w3, [x1], #4") \
  S(1, 4, 0, "str w3, [x1, #4]!") \
  S(2, 4, 0, "stp w3, w4, [x1], #8") \
  S(3, 0, 0, "stp w3, w4, [x1, #4]") \
  S(4, 0, 0, "stp w3, w4, [x1, #8]!") \
  S(5, 4, 0, "stnp w3, w4, [x1]") \
  S(6, 0, 0, "stp w3, wzr, [x1, #4]") \
  S(7, 4, 0, "strb w3, [x1], #1") \
  S(8, 0, 0, "strb w3, [x1, #8]!") \
  S(9, 8, 0, "strh w3, [x1], #2") \
  S(10, 4, 0, "str b0, [x1]") \
  S(11, 4, 0, "str h1, [x1], #2") \
  S(12, 0, 0, "str s0, [x1, #4]!") \
  S(13, 0, 0, "str s0, [x1, x2, lsl #2]") \
  S(14, 4, 0, "stp s0, s1, [x1], #8") \
  S(15, 4, 0, "st1 {v0.s}[2], [x1], #4") \
  S(16, 0, 0, "st1 {v0.4s}, [x1]") \
  S(17, 0, 0, "st2 {v0.2s, v1.2s}, [x1], #16") \
  S(18, 0, 0, "st3 {v0.s, v1.s, v2.s}[1], [x1]") \
  S(19, 0, 0, "st4 {v0.s, v1.s, v2.s, v3.s}[0], [x1], x2") \
  S(20, 8, 0, "st1 {v0.b}[3], [x1]") \
  S(21, 4, 0, "stlr w3, [x1]") \
  S(22, 0, 0, "stur s0, [x1, #4]") \
  S(23, 8, 1, "str x5, [x1], #8") \
  S(24, 0, 1, "stp x5, x6, [x1], #16") \
  S(25, 0, 1, "str d4, [x1, #8]!") \
  S(26, 0, 1, "stp d4, d5, [x1]") \
  S(27, 0, 1, "str q4, [x1], #16") \
  S(28, 0, 1, "st1 {v4.2d}, [x1]")

#define LOAD_STUB(n, region, at, index, instruction) STUB(load_##n, instruction)
#define STORE_STUB(n, at, wide, instruction) STUB(store_##n, instruction)
LOADS(LOAD_STUB)
STORES(STORE_STUB)

static const struct load { const char *text; stub *run; u32 region, at; s64 index; } loads[] = {
#define LOAD_ROW(n, region, at, index, instruction) {instruction, load_##n, region, at, index},
  LOADS(LOAD_ROW)
};
static const struct store { const char *text; stub *run; u32 at; bool wide; } stores[] = {
#define STORE_ROW(n, at, wide, instruction) {instruction, store_##n, at, wide},
  STORES(STORE_ROW)
};
enum { LOAD_COUNT = sizeof loads / sizeof *loads, STORE_COUNT = sizeof stores / sizeof *stores };

static struct state state, expected;
static u64 code_offset, sctlr;   /* of this round */
static int wrong;

static void report(const char *what, const char *text, const char *where, u64 i, u64 want, u64 got) {
  wrong++;
  if (wrong < 20) print("FAIL %s %s: %s%lu is 0x%lx, not 0x%lx\n", what, text, where, i, got, want);
}

static void prepare(struct state *s, u64 base, s64 index) {
  for (u64 i = 0; i < 8; i++) {
    s->x[i] = 0x1111111111111111 * (i + 8) ^ 0x0123456789abcdef;
    s->v[i][0] = s->x[i] ^ 0x5a5a5a5a5a5a5a5a;
    s->v[i][1] = ~s->v[i][0] << 1;
  }
  s->x[1] = base;
  s->x[2] = (u64)index;
  /* Stores of 8 bytes: a UART's register is what the lower half says. */
  s->x[5] = 0x2a, s->x[6] = 0x15;
  s->v[4][0] = 0x33, s->v[4][1] = 0x1c;
  s->v[5][0] = 0x2d, s->v[5][1] = 0;
  s->sctlr = sctlr;
}

static void execute(stub *function, struct state *s) { ((stub *)((u64)function + code_offset))(s); }

/* With the MMU off the processor reads memory past its cache. */
static void to_memory(const void *bytes, u64 size) {
  for (u64 at = (u64)bytes & ~15ul; at < (u64)bytes + size; at += 16) __asm__ volatile("dc civac, %0" :: "r"(at) : "memory");
  dsb(sy);
}

static void compare(const char *text, u64 device, u64 copy) {
  expected.x[1] += device - copy;
  for (u64 i = 0; i < 8; i++) {
    if (state.x[i] != expected.x[i]) report("x", text, "x", i, expected.x[i], state.x[i]);
    for (int half = 0; half < 2; half++)
      if (state.v[i][half] != expected.v[i][half])
        report("v", text, half ? "upper half of v" : "lower half of v", i, expected.v[i][half], state.v[i][half]);
  }
}

static void try_load(const struct load *l) {
  u64 device = regions[l->region].base, copy = (u64)copies[l->region];
  if (!regions[l->region].size) return;
  prepare(&expected, copy + l->at, l->index);
  prepare(&state, device + l->at, l->index);
  execute(l->run, &expected);
  execute(l->run, &state);
  compare(l->text, device, copy);
}

static u32 line[LINE_REGISTERS] __attribute__((aligned(64)));

static void try_store(const struct store *s) {
  static const u32 mask[LINE_REGISTERS] = {0xff, 0xffff, 0x3f, 0xff};   /* PL011, 3.3.5 to 3.3.8 */
  u64 device = uart_base + UART_LINE;
  for (u32 i = 0; i < LINE_REGISTERS; i++) line[i] = 0, mmio_write32(device + 4 * i, 0);
  to_memory(line, sizeof line);
  prepare(&expected, (u64)line + s->at, 1);
  prepare(&state, device + s->at, 1);
  execute(s->run, &expected);
  execute(s->run, &state);
  compare(s->text, device, (u64)line);
  for (u32 i = 0; i < LINE_REGISTERS; i++) {
    u32 want = ((volatile u32 *)line)[i] & mask[i], got = mmio_read32(device + 4 * i) & mask[i];
    if (want != got) report("store", s->text, "line register ", i, want, got);
  }
}

static void round(const char *name, u64 offset, u64 with_sctlr) {
  int before = wrong;
  code_offset = offset;
  sctlr = with_sctlr;
  for (int i = 0; i < LOAD_COUNT; i++) try_load(&loads[i]);
  /* Swapped, the 8 bytes of a wide store would have their value in the half that a UART ignores. */
  for (int i = 0; i < STORE_COUNT; i++)
    if (!stores[i].wide || !(with_sctlr & 1 << 25)) try_store(&stores[i]);
  print("nisv: %s: %d wrong\n", name, wrong - before);
}

static void copy_regions(void) {
  for (int r = 0; r < REGIONS; r++) {
    for (u32 at = 0; at < regions[r].size; at += regions[r].width) {
      u64 from = regions[r].base + at;
      if (regions[r].width == 8) *(u64 *)&copies[r][at] = mmio_read64(from);
      else if (regions[r].width == 4) *(u32 *)&copies[r][at] = mmio_read32(from);
      else if (regions[r].width == 2) *(u16 *)&copies[r][at] = mmio_read16(from);
      else copies[r][at] = mmio_read8(from);
    }
    to_memory(copies[r], sizeof copies[r]);
  }
}

/* --- one register at a time, by another instruction each time ---------------------------------------- */

STUB(put_post, "str w3, [x1], #4")
STUB(put_pre, "sub x1, x1, #16\n str w3, [x1, #16]!")
STUB(put_vector, "fmov s0, w3\n str s0, [x1]")
STUB(put_lane, "mov v0.s[3], w3\n st1 {v0.s}[3], [x1]")
STUB(get_post, "ldr w3, [x1], #4")
STUB(get_pre, "sub x1, x1, #4\n ldr w3, [x1, #4]!")
STUB(get_pair, "ldp w3, w4, [x1]")
STUB(get_vector, "ldr s0, [x1]\n fmov w3, s0")
STUB(get_lane, "ld1 {v0.s}[2], [x1]\n mov w3, v0.s[2]")
STUB(put_pair, "stp w3, w4, [x1]")
STUB(put_byte, "strb w3, [x1], #1")
STUB(put_byte_lane, "mov v0.b[9], w3\n st1 {v0.b}[9], [x1]")
STUB(put_dword, "str x3, [x1], #8")
STUB(put_quad, "movi v0.2d, #0\n mov v0.d[0], x3\n str q0, [x1]")

static u64 touch(stub *function, u64 address, u64 low, u64 high) {
  prepare(&state, address, 0);
  state.x[3] = low;
  state.x[4] = high;
  execute(function, &state);
  return state.x[3];
}

static u32 turn;

static void put(u64 address, u32 value) {
  static stub *const ways[] = {put_post, put_pre, put_vector, put_lane};
  io_barrier();
  touch(ways[turn++ % 4], address, value, 0);
}
static u32 get(u64 address) {
  static stub *const ways[] = {get_post, get_pre, get_pair, get_vector, get_lane};
  return (u32)touch(ways[turn++ % 5], address, 0, 0);
}

static void write_line(const char *text) {
  static stub *const ways[] = {put_post, put_byte, put_pre, put_vector, put_byte_lane, put_dword, put_lane, put_quad, put_pair};
  for (; *text; text++) touch(ways[turn++ % 9], uart_base, (u8)*text, 0);
}

/* virtio 1.2, 3.1.1 and 4.2.3.2, without any other access to the device. */
static bool start_entropy(u64 base, struct virtq *q) {
  put(base + VIRTIO_STATUS, 0);
  put(base + VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
  put(base + VIRTIO_DEVICE_FEATURES_SEL, 1);
  if (!(get(base + VIRTIO_DEVICE_FEATURES) & 1)) return false;   /* VERSION_1 */
  put(base + VIRTIO_DRIVER_FEATURES_SEL, 1);
  put(base + VIRTIO_DRIVER_FEATURES, 1);
  put(base + VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
  if (!(get(base + VIRTIO_STATUS) & VIRTIO_FEATURES_OK)) return false;
  put(base + VIRTIO_QUEUE_SEL, 0);
  if (get(base + VIRTIO_QUEUE_NUM_MAX) < VIRTQ_SIZE) return false;
  put(base + VIRTIO_QUEUE_NUM, VIRTQ_SIZE);
  u64 parts[] = {(u64)q->desc, (u64)&q->avail, (u64)&q->used};
  for (u32 i = 0; i < 3; i++) touch(put_pair, base + VIRTIO_QUEUE_DESC + 16 * i, (u32)parts[i], parts[i] >> 32);
  put(base + VIRTIO_QUEUE_READY, 1);
  put(base + VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
  return get(base + VIRTIO_QUEUE_READY) == 1;
}

static void try_entropy(u64 base) {
  static struct virtq q;
  static u8 bytes[32];
  u32 sum = 0, got = 0;
  if (start_entropy(base, &q)) {
    q.desc[0] = (struct virtq_desc){(u64)bytes, sizeof bytes, VIRTQ_WRITE, 0};
    q.avail.ring[0] = 0;
    io_barrier();
    q.avail.index = 1;
    put(base + VIRTIO_QUEUE_NOTIFY, 0);
    for (u32 i = 0; i < 1000000 && q.used.index == 0; i++)
      if (i % 4096 == 4095) get(base + VIRTIO_STATUS);
    got = q.used.index ? q.used.ring[0].length : 0;
    put(base + VIRTIO_INTERRUPT_ACK, get(base + VIRTIO_INTERRUPT_STATUS));
  }
  for (u32 i = 0; i < sizeof bytes; i++) sum += bytes[i];
  print("nisv: entropy at 0x%lx: %u bytes, sum %u\n", base, got, sum);
  if (got != sizeof bytes || !sum) report("virtio", "entropy", "bytes", 0, sizeof bytes, got);
}

/* --- what cannot be completed ------------------------------------------------------------------------ */

#define REFUSED(instruction) ({ \
  u64 a_ = address, ok_ = 0, t_, v_ = 0; \
  __asm__ volatile(".arch armv8.2-a+lse\n adr %2, 1f\n str %2, %3\n " instruction "\n mov %1, #1\n 1:" \
    : "+r"(a_), "+r"(ok_), "=&r"(t_), "=Q"(probe_resume), "+r"(v_) :: "memory"); \
  probe_resume = 0; \
  check_refusal(instruction, address, ok_); })

static u64 wanted_status;
static void check_refusal(const char *text, u64 address, bool completed) {
  u64 esr = read_sysreg(esr_el1), far = read_sysreg(far_el1);
  if (completed) return report("refused", text, "completed ", 0, 0, 1);
  if (esr >> 26 != 0x25 || (esr & 0x3f) != wanted_status) report("refused", text, "ESR_EL1 ", 1, 0x25ul << 26 | wanted_status, esr);
  if (!(esr & 1 << 10) && far != address) report("refused", text, "FAR_EL1 ", 1, address, far);
}

static void try_refused(u64 gic) {
  int before = wrong;
  u64 address = uart_base + UART_ID;
  wanted_status = 0x35;   /* unsupported exclusive or atomic access */
  REFUSED("ldxr %w4, [%0]");
  REFUSED("ldaxr %4, [%0]");
  if (read_sysreg(id_aa64isar0_el1) >> 20 & 15) {
    REFUSED("ldadd %w4, %w4, [%0]");
    REFUSED("swpal %w4, %w4, [%0]");
    REFUSED("cas %w4, %w4, [%0]");
  }
  address = gic;
  wanted_status = 0x10;   /* external abort */
  if (gic) REFUSED("ldr %w4, [%0], #4");
  print("nisv: refused: %d wrong\n", wrong - before);
}

int main(void) {
  const struct virtio_slot *slots;
  struct virtio_device entropy;
  u64 plain = read_sysreg(sctlr_el1), here = (u64)main >> 30, there = 300;
  write_sysreg(cpacr_el1, 3 << 20);   /* SIMD is not switched off */
  isb();
  regions[ID1].base = regions[ID2].base = regions[ID4].base = regions[ID8].base = uart_base + UART_ID;
  regions[END8].base = uart_base + 0xff0;
  regions[VIRTIO4].base = regions[VIRTIO2].base = virtio_slots(&slots) ? slots[0].base : uart_base + UART_ID;
  regions[ID1].width = 1;
  regions[ID2].width = regions[VIRTIO2].width = 2;
  regions[ID4].width = regions[VIRTIO4].width = 4;
  regions[ID8].width = regions[END8].width = 8;
  for (int r = 0; r < REGIONS; r++) regions[r].size = 32;
  regions[VIRTIO4].size = 36;
  u64 nothing;
  if (!probe_read(uart_base + 0x1000, 8, &nothing)) regions[END8].size = 0;   /* a machine that faults there */
  copy_regions();

  round("plainly", 0, plain);
  page_table[there] = page_table[here];
  dsb(ishst);
  isb();
  round("from a second mapping", (there - here) << 30, plain);
  round("big-endian", 0, (plain & ~5ul) | 1 << 25);   /* M, C off; EE on */
  code_offset = 0;
  sctlr = plain;
  write_line("nisv: this line came by such stores\n");
  if (virtio_find(VIRTIO_ID_ENTROPY, 0, &entropy)) try_entropy(entropy.base);
  if (boot_arg_number("refused", 0)) try_refused(boot_arg_number("gic", 0x08000000));
  print("nisv: %d loads, %d stores, %d wrong\n", LOAD_COUNT, STORE_COUNT, wrong);
  return wrong > 99 ? 99 : wrong;
}
