/* odd_loads.c: the load and store instructions of the Power ISA at a device, one by one. A hypervisor decodes each by itself
 * (Linux: arch/powerpc/kvm/emulate_loadstore.c); what it does not know ends as a Program interrupt in the guest.
 * Loads look at a virtio device's magic number, stores go to its DriverFeaturesSel register, which nothing depends on
 * here. 64-bit instructions only on an e5500, which has them in 32-bit mode too; vector ones only on an e500v2. What a
 * floating-point store writes is looked at in a register of the GPIO, which can be read back. Of each instruction that ends
 * as a Program interrupt the exception printer must know name and address.
 */
#include "arch.h"
#include "runtime.h"

enum { REGISTER = 0x24, E500V2 = 0x8021, E5500 = 0x8024 };   /* DriverFeaturesSel; upper half of the PVR */
enum { MSR_SPE = 1 << 25, MSR_FP = 1 << 13 };
enum { GPIO_MASK = 0xff010 };   /* GPIMR, in the CCSR */

struct result { u32 value, after; bool completed; };
static u32 memory[2] __attribute__((aligned(8)));

/* %[v] value, %[b] base address with index %[i] = 4 beside it; update forms change %[b]. %[m] is the address of `memory`. */
#define FORM(instruction) \
  __asm__ volatile("lis %[t], 1f@ha\n la %[t], 1f@l(%[t])\n stw %[t], %[r]\n" \
                   ".machine push\n .machine ppc64\n " instruction "\n .machine pop\n li %[ok], 1\n 1:" \
                   : [v] "+r"(v), [ok] "+r"(ok), [t] "=&b"(t), [r] "=m"(RESUME), [b] "+b"(b) \
                   : [i] "r"(4), [m] "b"(memory) : "memory", "cr0", "xer", "r31")

#define FORMS(X) \
  X(lbz, "lbz %[v], 4(%[b])", 1) X(lbzu, "lbzu %[v], 4(%[b])", 1) X(lbzx, "lbzx %[v], %[b], %[i]", 1) \
  X(lbzux, "lbzux %[v], %[b], %[i]", 1) X(lhz, "lhz %[v], 4(%[b])", 2) X(lhzu, "lhzu %[v], 4(%[b])", 2) \
  X(lhzx, "lhzx %[v], %[b], %[i]", 2) X(lhzux, "lhzux %[v], %[b], %[i]", 2) X(lha, "lha %[v], 4(%[b])", 2) \
  X(lhau, "lhau %[v], 4(%[b])", 2) X(lhax, "lhax %[v], %[b], %[i]", 2) X(lhaux, "lhaux %[v], %[b], %[i]", 2) \
  X(lhbrx, "lhbrx %[v], %[b], %[i]", 22) X(lwz, "lwz %[v], 4(%[b])", 4) X(lwzu, "lwzu %[v], 4(%[b])", 4) \
  X(lwzx, "lwzx %[v], %[b], %[i]", 4) X(lwzux, "lwzux %[v], %[b], %[i]", 4) X(lwbrx, "lwbrx %[v], %[b], %[i]", 44) \
  X(lwarx, "lwarx %[v], %[b], %[i]", 4) X(lmw, "lmw 31, 4(%[b]); mr %[v], 31", 4) \
  X(lswi, "addi %[b], %[b], 4; lswi %[v], %[b], 4; addi %[b], %[b], -4", 4) \
  X(lswx, "mtxer %[i]; lswx %[v], %[b], %[i]", 4)
#define STORES(X) \
  X(stb, "stb %[v], 4(%[b])", 0) X(stbu, "stbu %[v], 4(%[b])", 0) X(stbx, "stbx %[v], %[b], %[i]", 0) \
  X(stbux, "stbux %[v], %[b], %[i]", 0) X(sth, "sth %[v], 4(%[b])", 0) X(sthu, "sthu %[v], 4(%[b])", 0) \
  X(sthx, "sthx %[v], %[b], %[i]", 0) X(sthux, "sthux %[v], %[b], %[i]", 0) X(sthbrx, "sthbrx %[v], %[b], %[i]", 0) \
  X(stw, "stw %[v], 4(%[b])", 0) X(stwu, "stwu %[v], 4(%[b])", 0) X(stwx, "stwx %[v], %[b], %[i]", 0) \
  X(stwux, "stwux %[v], %[b], %[i]", 0) X(stwbrx, "stwbrx %[v], %[b], %[i]", 0) \
  X(stwcx, "stwcx. %[v], %[b], %[i]", 0) X(stmw, "mr 31, %[v]; stmw 31, 4(%[b])", 0) \
  X(stswi, "addi %[b], %[b], 4; stswi %[v], %[b], 4; addi %[b], %[b], -4", 0) \
  X(stswx, "mtxer %[i]; stswx %[v], %[b], %[i]", 0)
#define CACHES(X) \
  X(dcbz, "dcbz %[b], %[i]", 0) X(dcbf, "dcbf %[b], %[i]", 0) X(dcbst, "dcbst %[b], %[i]", 0) \
  X(dcbt, "dcbt %[b], %[i]", 0) X(dcbtst, "dcbtst %[b], %[i]", 0) X(dcbi, "dcbi %[b], %[i]", 0) \
  X(icbi, "icbi %[b], %[i]", 0) X(dcbtls, ".long 0x7c00014c | (%[b] << 16) | (%[i] << 11)", 0) \
  X(icbtls, ".long 0x7c0003cc | (%[b] << 16) | (%[i] << 11)", 0)
#define FLOATS(X) \
  X(lfs, "lfs 0, 4(%[b]); stfs 0, 0(%[m]); lwz %[v], 0(%[m])", 4) \
  X(lfsu, "lfsu 0, 4(%[b]); stfs 0, 0(%[m]); lwz %[v], 0(%[m])", 4) \
  X(lfsx, "lfsx 0, %[b], %[i]; stfs 0, 0(%[m]); lwz %[v], 0(%[m])", 4) \
  X(lfd, "lfd 0, 4(%[b])", 0) X(lfdu, "lfdu 0, 4(%[b])", 0) X(lfdx, "lfdx 0, %[b], %[i]", 0)
#define FLOAT_STORES(X) \
  X(stfs, "stfs 0, 4(%[b])", 0) X(stfsu, "stfsu 0, 4(%[b])", 0) X(stfsx, "stfsx 0, %[b], %[i]", 0) \
  X(stfd, "stfd 0, 4(%[b])", 0) X(stfdu, "stfdu 0, 4(%[b])", 0) X(stfdx, "stfdx 0, %[b], %[i]", 0) \
  X(stfiwx, "stfiwx 0, %[b], %[i]", 0)
#define VECTORS(X) \
  X(evldd, "addi %[b], %[b], 4; .long 0x10000301 | (%[v] << 21) | (%[b] << 16); addi %[b], %[b], -4", 0) \
  X(evlwhe, "addi %[b], %[b], 4; .long 0x10000311 | (%[v] << 21) | (%[b] << 16); addi %[b], %[b], -4", 0) \
  X(evstdd, "addi %[b], %[b], 4; .long 0x10000321 | (%[v] << 21) | (%[b] << 16); addi %[b], %[b], -4", 0)
#define DOUBLES(X) \
  X(ld, "ld %[v], 4(%[b])", 0) X(ldu, "ldu %[v], 4(%[b])", 0) X(ldx, "ldx %[v], %[b], %[i]", 0) \
  X(ldux, "ldux %[v], %[b], %[i]", 0) X(lwa, "lwa %[v], 4(%[b])", 4) X(lwax, "lwax %[v], %[b], %[i]", 4) \
  X(lwaux, "lwaux %[v], %[b], %[i]", 4) X(ldbrx, ".long 0x7c000428 | (%[v] << 21) | (%[b] << 16) | (%[i] << 11)", 0) \
  X(std, "std %[v], 4(%[b])", 0) X(stdu, "stdu %[v], 4(%[b])", 0) X(stdx, "stdx %[v], %[b], %[i]", 0) \
  X(stdux, "stdux %[v], %[b], %[i]", 0) X(ldarx, "ldarx %[v], %[b], %[i]", 0) X(stdcx, "stdcx. %[v], %[b], %[i]", 0) \
  X(stdbrx, ".long 0x7c000528 | (%[v] << 21) | (%[b] << 16) | (%[i] << 11)", 0) \
  X(lwepx, ".long 0x7c00003e | (%[v] << 21) | (%[b] << 16) | (%[i] << 11)", 0) \
  X(stwepx, ".long 0x7c00013e | (%[v] << 21) | (%[b] << 16) | (%[i] << 11)", 0)

#define FUNCTION(name, text, check) \
  static struct result do_##name(u32 b) { \
    u32 v = 0, ok = 0, t; \
    FORM(text); \
    probe_resume = 0; \
    return (struct result){v, b, ok}; \
  }
FORMS(FUNCTION)
STORES(FUNCTION)
DOUBLES(FUNCTION)
CACHES(FUNCTION)
FLOATS(FUNCTION)
FLOAT_STORES(FUNCTION)
VECTORS(FUNCTION)

struct form { const char *name; struct result (*run)(u32); int check; };
#define ENTRY(name, text, check) {#name, do_##name, check},
static const struct form loads[] = {FORMS(ENTRY)}, stores[] = {STORES(ENTRY)}, doubles[] = {DOUBLES(ENTRY)},
  caches[] = {CACHES(ENTRY)}, floats[] = {FLOATS(ENTRY)}, float_stores[] = {FLOAT_STORES(ENTRY)}, vectors[] = {VECTORS(ENTRY)};

/* What a load must have seen; `magic` is the register as its device keeps it, little-endian. */
static u32 expected_value(const char *name, int check, u32 magic) {
  u32 big = __builtin_bswap32(magic);
  if (check == 1) return big >> 24;
  if (check == 22) return magic & 0xffff;
  if (check == 44) return magic;
  if (check == 2) return name[2] == 'a' ? (u32)(s32)(int16_t)(big >> 16) : big >> 16;
  return big;
}

/* "stwcx." is called stwcx here: C has no dot in a name. */
static bool is_named(const char *name, u32 address) {
  size_t length = strlen(name);
  const char *known = refused_access.name;
  return known && refused_access.address == address && strncmp(known, name, length) == 0 &&
         (!known[length] || strcmp(known + length, ".") == 0);
}

static int try_all(const char *what, const struct form *forms, u32 count, u32 address, u32 magic) {
  int wrong = 0;
  print("%s:", what);
  for (u32 i = 0; i < count; i++) {
    struct result r = forms[i].run(address - 4);
    if (!r.completed) {
      print(" %s:program-interrupt", forms[i].name);
      if (is_named(forms[i].name, address)) continue;
      print("(MISNAMED %s at %08x)", refused_access.name ? refused_access.name : "nothing", refused_access.address);
      wrong++;
      continue;
    }
    bool updates = strlen(forms[i].name) > 2 && strcmp(forms[i].name + strlen(forms[i].name) - 1, "u") == 0;
    updates |= strlen(forms[i].name) > 3 && strcmp(forms[i].name + strlen(forms[i].name) - 2, "ux") == 0;
    bool good = r.after == (updates ? address : address - 4);
    /* Registers narrower than an access read 0: only full words of virtio registers mean something. */
    if (forms[i].check == 4 || forms[i].check == 44) good &= r.value == expected_value(forms[i].name, forms[i].check, magic);
    print(" %s:%s", forms[i].name, good ? "ok" : "WRONG");
    if (!good) print("(value %08x, base moved by %d)", r.value, (s32)(r.after - (address - 4)));
    wrong += !good;
  }
  print("\n");
  return wrong;
}

static void enable(u32 msr_bit) {
  u32 msr;
  __asm__ volatile("mfmsr %0; or %0, %0, %1; mtmsr %0; isync" : "=&r"(msr) : "r"(msr_bit) : "memory");
}

/* What `stfs` writes to a device: KVM for e500mc and e5500 looks at the register's copy in memory, which is older (Linux
 * 6.1: no giveup_ext in arch/powerpc/kvm/e500mc.c). Printed, not counted. */
static void float_values(void) {
  static const u32 values[] = {0x3fc00000, 0x40000000, 0x40490fdb, 0xc2280000};
  u32 gpio = (u32)CCSR + GPIO_MASK, before = mmio_read32be(gpio);
  bool right = true;
  for (u32 i = 0; i < sizeof values / sizeof *values; i++) {
    memory[0] = values[i];
    __asm__ volatile("sync; lfs 1, 0(%0); stfs 1, 0(%1)" : : "b"(memory), "b"(gpio) : "memory");
    right &= mmio_read32be(gpio) == values[i];
  }
  mmio_write32be(gpio, before);
  print("what stfs wrote: %s\n", right ? "its register" : "an older value");
}

#define TRY_ALL(what, forms, address) try_all(what, forms, sizeof forms / sizeof *forms, address, expected)

int odd_loads(u64 address, u32 expected) {
  u32 at = (u32)address, core = read_spr(SPR_PVR) >> 16;
  int wrong = TRY_ALL("loads", loads, at) + TRY_ALL("stores", stores, at + REGISTER) + TRY_ALL("caches", caches, at);
  if (core == E5500) enable(MSR_FP);
  wrong += TRY_ALL("floats", floats, at) + TRY_ALL("float stores", float_stores, at + REGISTER);
  if (core == E5500) {
    wrong += TRY_ALL("64-bit", doubles, at);
    float_values();
  }
  if (core == E500V2) {
    enable(MSR_SPE);
    wrong += TRY_ALL("vectors", vectors, at);
  }
  return wrong;
}
