/* machine.c: QEMU's ppce500 board and what is like it: TLB entries, console, exit, power.
 *
 * Physical addresses have 36 bits, effective ones 32: RAM is mapped where it is (up to RAM_LIMIT), the CCSR at the low
 * 32 bits of its address, and probe_read and probe_write look at everything else through one window of 64 KiB.
 * Power ISA 2.06 book III-E, chapter 6; ePAPR 1.1, chapter 7 (hypercalls); devicetree bindings fsl,*guts, gpio-poweroff.
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

enum { CACHE_INHIBITED = 8, COHERENT = 4, GUARDED = 2 };       /* MAS2 */
enum { SUPERVISOR_RWX = 0x15, SUPERVISOR_RW = 0x05 };          /* MAS3 */
enum { TSIZE_64K = 3, TSIZE_64M = 8, TSIZE_256M = 9 };         /* 4^n KiB */
#define RAM_LIMIT 0x70000000u
#define WINDOW_EA 0xd0000000u
enum { WINDOW_SIZE = 0x10000 };
enum { FINISHER_FAIL = 0x3333, FINISHER_PASS = 0x5555, MARK_OFFSET = 8 };

const struct uart *arch_uart = &uart_16550;
const u64 arch_uart_base = CCSR + 0x4500;

static u32 ram_end;    /* RAM is mapped up to here */

static u32 tsize_bytes(u32 tsize) { return 1024u << 2 * tsize; }

void tlb1_write(int slot, const struct tlb_entry *e) {
  u32 entries = boot_state.tlb1cfg & 0xfff, own = boot_state.mas0 >> 16 & 0xfff;
  write_spr(SPR_MAS0, 1u << 28 | (own + (u32)slot) % entries << 16);
  write_spr(SPR_MAS1, 0xc0000000u | e->tsize << 8);
  write_spr(SPR_MAS2, e->ea | e->attributes);
  write_spr(SPR_MAS3, (u32)e->pa | e->rights);
  write_spr(SPR_MAS7, (u32)(e->pa >> 32));
  __asm__ volatile("isync; tlbwe; isync; sync" ::: "memory");
}

/* On each CPU: what the boot mapping leaves out. */
void map_ram(void) {
  const struct range *ram;
  u32 mapped = boot_state.r[7], entries = boot_state.tlb1cfg & 0xfff;
  u64 wanted = 0;
  for (int i = ram_ranges(&ram); i-- > 0;)
    if (ram[i].base + ram[i].size > wanted) wanted = ram[i].base + ram[i].size;
  if (wanted > RAM_LIMIT) wanted = RAM_LIMIT;
  for (u32 slot = SLOT_RAM; mapped < wanted && slot < entries; slot++) {
    u32 tsize = mapped % tsize_bytes(TSIZE_256M) ? TSIZE_64M : TSIZE_256M;
    tlb1_write((int)slot, &(struct tlb_entry){mapped, mapped, tsize, COHERENT, SUPERVISOR_RWX});
    mapped += tsize_bytes(tsize);
  }
  ram_end = mapped;
}

void arch_early(void) {
  struct fdt_node n = {0};
  struct range reg;
  map_ram();
  /* KVM for e500v2 shows a page of its own to data accesses at effective address 0 (Linux arch/powerpc/kvm/booke.c
   * compares with magic_page_ea, which is 0 until a guest maps that page): the MSR, for one, is at 0x58 there. */
  add_reserved(0, 4096);
  if (fdt_find(&n, "ns16550") && fdt_reg(&n, 0, &reg)) {
    uart_base = reg.base;
    uart_irq = irq_from_tree(&n);
  }
}

bool is_mapped_ram(u32 address) { return address < ram_end; }

/* All devices are in the CCSR, which is mapped; what is elsewhere only the probes reach. */
void map_device(u64 base, u64 size) { (void)base, (void)size; }

/* --- hypervisor -------------------------------------------------------------------------------- */

u32 hypercall_at(const u32 *instructions, u32 token, u32 argument, u32 *value);   /* vectors.S */

static const struct fdt_node *hypervisor(void) {
  static struct fdt_node node;
  static int known;   /* 0: not looked up yet, 1: none, 2: there */
  if (!known) known = fdt_path(&node, "hypervisor", NULL) ? 2 : 1;
  return known == 2 ? &node : NULL;
}

bool hypercall_can_idle(void) { return hypervisor() && fdt_property(hypervisor(), "has-idle", NULL); }

bool hypercall(u32 token, u32 argument, struct hypercall_result *out) {
  static u32 code[5];   /* the instructions and a return, copied once: they lie in the tree without one */
  u32 length;
  const void *words = hypervisor() ? fdt_property(hypervisor(), "hcall-instructions", &length) : NULL;
  if (!words || length != 16) return false;
  if (!code[4]) {
    memcpy(code, words, 16);
    code[4] = 0x4e800020;   /* blr */
    for (u32 i = 0; i < sizeof code; i += 4)
      __asm__ volatile("dcbst 0, %0; sync; icbi 0, %0; sync; isync" :: "r"((u8 *)code + i) : "memory");
  }
  out->status = (s32)hypercall_at(code, token, argument, &out->value);
  return true;
}

/* --- the end ----------------------------------------------------------------------------------- */

_Noreturn void halt_forever(void) {
  interrupts_off();
  write_spr(SPR_TCR, 0);
  for (;;) {
    struct hypercall_result ignored;
    if (!hypercall_can_idle() || !hypercall(EV_IDLE, 0, &ignored)) __asm__ volatile("");
  }
}

static bool find_with(struct fdt_node *node, const char *property, struct range *reg) {
  for (*node = (struct fdt_node){0}; fdt_next(node);)
    if (fdt_property(node, property, NULL) && fdt_reg(node, 0, reg)) return true;
  return false;
}

/* gpio-poweroff: drive the pin, low, then high. Pin 0 is the leftmost bit. */
_Noreturn void power_off(void) {
  enum { GPDIR = 0, GPDAT = 8 };
  struct fdt_node n = {0};
  struct range reg;
  if (fdt_find(&n, "gpio-poweroff")) {
    u32 pin = 1u << (31 - fdt_cell(&n, "gpios", 1, 0));
    if (find_with(&n, "gpio-controller", &reg)) {
      mmio_write32be(reg.base + GPDAT, mmio_read32be(reg.base + GPDAT) & ~pin);
      mmio_write32be(reg.base + GPDIR, mmio_read32be(reg.base + GPDIR) | pin);
      mmio_write32be(reg.base + GPDAT, mmio_read32be(reg.base + GPDAT) | pin);
    }
  }
  halt_forever();
}

_Noreturn void system_reset(void) {
  enum { RSTCR = 0xb0, HRESET_REQ = 2 };
  struct fdt_node n;
  struct range reg;
  if (find_with(&n, "fsl,has-rstcr", &reg)) mmio_write32be(reg.base + RSTCR, HRESET_REQ);
  halt_forever();
}

/* Behind the finisher's register, so only where that is. */
void mark(u32 number) {
  if (finisher()) mmio_write32be(finisher() + MARK_OFFSET, number);
}

_Noreturn void arch_exit(int code) {
  struct fdt_node n = {0};
  if (finisher() && fdt_find(&n, "sifive,test0")) {
    u32 value = code ? (u32)code << 16 | FINISHER_FAIL : FINISHER_PASS;
    if (fdt_property(&n, "big-endian", NULL)) mmio_write32be(finisher(), value);
    else mmio_write32(finisher(), value);
    halt_forever();   /* the monitor stops this CPU in a moment; until then it makes no further exits */
  }
  if (code) print("no test-exit device here: exit status %d is lost\n", code);
  power_off();
}

/* --- accesses that may fault ------------------------------------------------------------------- */

/* The effective address of a physical one: moves the window where nothing else reaches. */
static u32 reach(u64 physical, int width) {
  static u64 seen[MAX_CPUS];   /* where each CPU's window looks, 1 more than that; 0: nowhere yet */
  if (physical + (u32)width <= ram_end) return (u32)physical;
  if (physical >= CCSR && physical + (u32)width <= CCSR + CCSR_SIZE) return (u32)physical;
  u64 page = physical & ~(u64)(WINDOW_SIZE - 1);
  if (seen[cpu_index()] != page + 1) {
    tlb1_write(SLOT_WINDOW, &(struct tlb_entry){WINDOW_EA, page, TSIZE_64K, CACHE_INHIBITED | GUARDED, SUPERVISOR_RW});
    seen[cpu_index()] = page + 1;
  }
  return WINDOW_EA + (u32)(physical - page);
}

static bool load(u32 ea, int width, u32 *value) {
  u32 v = 0, ok = 0, t;
#define LOAD(instruction) __asm__ volatile( \
    "lis %2, 1f@ha\n la %2, 1f@l(%2)\n stw %2, %3\n " instruction "\n li %1, 1\n 1:" \
    : "+r"(v), "+r"(ok), "=&b"(t), "=m"(RESUME) : "b"(ea) : "memory")
  if (width == 1) LOAD("lbz %0, 0(%4)");
  else if (width == 2) LOAD("lhbrx %0, 0, %4");
  else LOAD("lwbrx %0, 0, %4");
  probe_resume = 0;
  *value = v;
  return ok;
}

static bool store(u32 ea, int width, u32 value) {
  u32 ok = 0, t;
#define STORE(instruction) __asm__ volatile( \
    "lis %1, 1f@ha\n la %1, 1f@l(%1)\n stw %1, %2\n " instruction "\n li %0, 1\n 1:" \
    : "+r"(ok), "=&b"(t), "=m"(RESUME) : "b"(ea), "r"(value) : "memory")
  if (width == 1) STORE("stb %4, 0(%3)");
  else if (width == 2) STORE("sthbrx %4, 0, %3");
  else STORE("stwbrx %4, 0, %3");
  probe_resume = 0;
  return ok;
}

/* A 32-bit program has no access of 8 bytes: it is two of 4. */
bool probe_read(u64 address, int width, u64 *value) {
  u32 low = 0, high = 0, ea = reach(address, width);
  bool ok = load(ea, width, &low) && (width != 8 || load(ea + 4, 4, &high));
  *value = (u64)high << 32 | low;
  return ok;
}

bool probe_write(u64 address, int width, u64 value) {
  u32 ea = reach(address, width);
  return store(ea, width, (u32)value) && (width != 8 || store(ea + 4, 4, (u32)(value >> 32)));
}
