/* odd_loads.c: the load and store instructions of the Power ISA at a device, one by one. A hypervisor decodes each by itself
 * (Linux: arch/powerpc/kvm/emulate_loadstore.c); what it does not know ends as a Program interrupt in the guest.
 * Loads look at a virtio device's magic number, stores go to its DriverFeaturesSel register, which nothing depends on
 * here. 64-bit instructions only on an e5500, which has them in 32-bit mode too.
 */
#include "arch.h"
#include "runtime.h"

enum { REGISTER = 0x24, E5500 = 0x8024 };   /* DriverFeaturesSel; upper half of the PVR */

struct result { u32 value, after; bool completed; };

#define RESUME ((u32 *)&probe_resume)[1]

/* %[v] value, %[b] base address with index %[i] = 4 beside it; update forms change %[b]. */
#define FORM(instruction) \
  __asm__ volatile("lis %[t], 1f@ha\n la %[t], 1f@l(%[t])\n stw %[t], %[r]\n" \
                   ".machine push\n .machine ppc64\n " instruction "\n .machine pop\n li %[ok], 1\n 1:" \
                   : [v] "+r"(v), [ok] "+r"(ok), [t] "=&b"(t), [r] "=m"(RESUME), [b] "+b"(b) \
                   : [i] "r"(4) : "memory", "cr0", "r31")

#define FORMS(X) \
  X(lbz, "lbz %[v], 4(%[b])", 1) X(lbzu, "lbzu %[v], 4(%[b])", 1) X(lbzx, "lbzx %[v], %[b], %[i]", 1) \
  X(lbzux, "lbzux %[v], %[b], %[i]", 1) X(lhz, "lhz %[v], 4(%[b])", 2) X(lhzu, "lhzu %[v], 4(%[b])", 2) \
  X(lhzx, "lhzx %[v], %[b], %[i]", 2) X(lhzux, "lhzux %[v], %[b], %[i]", 2) X(lha, "lha %[v], 4(%[b])", 2) \
  X(lhau, "lhau %[v], 4(%[b])", 2) X(lhax, "lhax %[v], %[b], %[i]", 2) X(lhaux, "lhaux %[v], %[b], %[i]", 2) \
  X(lhbrx, "lhbrx %[v], %[b], %[i]", 22) X(lwz, "lwz %[v], 4(%[b])", 4) X(lwzu, "lwzu %[v], 4(%[b])", 4) \
  X(lwzx, "lwzx %[v], %[b], %[i]", 4) X(lwzux, "lwzux %[v], %[b], %[i]", 4) X(lwbrx, "lwbrx %[v], %[b], %[i]", 44) \
  X(lwarx, "lwarx %[v], %[b], %[i]", 4) X(lmw, "lmw 31, 4(%[b]); mr %[v], 31", 4) \
  X(lswi, "addi %[b], %[b], 4; lswi %[v], %[b], 4; addi %[b], %[b], -4", 4)
#define STORES(X) \
  X(stb, "stb %[v], 4(%[b])", 0) X(stbu, "stbu %[v], 4(%[b])", 0) X(stbx, "stbx %[v], %[b], %[i]", 0) \
  X(stbux, "stbux %[v], %[b], %[i]", 0) X(sth, "sth %[v], 4(%[b])", 0) X(sthu, "sthu %[v], 4(%[b])", 0) \
  X(sthx, "sthx %[v], %[b], %[i]", 0) X(sthux, "sthux %[v], %[b], %[i]", 0) X(sthbrx, "sthbrx %[v], %[b], %[i]", 0) \
  X(stw, "stw %[v], 4(%[b])", 0) X(stwu, "stwu %[v], 4(%[b])", 0) X(stwx, "stwx %[v], %[b], %[i]", 0) \
  X(stwux, "stwux %[v], %[b], %[i]", 0) X(stwbrx, "stwbrx %[v], %[b], %[i]", 0) \
  X(stwcx, "stwcx. %[v], %[b], %[i]", 0) X(stmw, "mr 31, %[v]; stmw 31, 4(%[b])", 0) \
  X(stswi, "addi %[b], %[b], 4; stswi %[v], %[b], 4; addi %[b], %[b], -4", 0) X(dcbz, "dcbz %[b], %[i]", 0)
#define DOUBLES(X) \
  X(ld, "ld %[v], 4(%[b])", 0) X(ldu, "ldu %[v], 4(%[b])", 0) X(ldx, "ldx %[v], %[b], %[i]", 0) \
  X(ldux, "ldux %[v], %[b], %[i]", 0) X(lwa, "lwa %[v], 4(%[b])", 4) X(lwax, "lwax %[v], %[b], %[i]", 4) \
  X(lwaux, "lwaux %[v], %[b], %[i]", 4) X(ldbrx, ".long 0x7c000428 | (%[v] << 21) | (%[b] << 16) | (%[i] << 11)", 0) \
  X(std, "std %[v], 4(%[b])", 0) X(stdu, "stdu %[v], 4(%[b])", 0) X(stdx, "stdx %[v], %[b], %[i]", 0) \
  X(stdux, "stdux %[v], %[b], %[i]", 0)

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

struct form { const char *name; struct result (*run)(u32); int check; };
#define ENTRY(name, text, check) {#name, do_##name, check},
static const struct form loads[] = {FORMS(ENTRY)}, stores[] = {STORES(ENTRY)}, doubles[] = {DOUBLES(ENTRY)};

/* What a load must have seen; `magic` is the register as its device keeps it, little-endian. */
static u32 expected_value(const char *name, int check, u32 magic) {
  u32 big = __builtin_bswap32(magic);
  if (check == 1) return big >> 24;
  if (check == 22) return magic & 0xffff;
  if (check == 44) return magic;
  if (check == 2) return name[2] == 'a' ? (u32)(s32)(int16_t)(big >> 16) : big >> 16;
  return big;
}

static int try_all(const char *what, const struct form *forms, u32 count, u32 address, u32 magic) {
  int wrong = 0;
  print("%s:", what);
  for (u32 i = 0; i < count; i++) {
    struct result r = forms[i].run(address - 4);
    if (!r.completed) {
      print(" %s:program-interrupt", forms[i].name);
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

int odd_loads(u64 address, u32 expected) {
  u32 at = (u32)address;
  int wrong = try_all("loads", loads, sizeof loads / sizeof *loads, at, expected);
  wrong += try_all("stores", stores, sizeof stores / sizeof *stores, at + REGISTER, 0);
  if (read_spr(SPR_PVR) >> 16 == E5500)
    wrong += try_all("64-bit", doubles, sizeof doubles / sizeof *doubles, at, expected);
  return wrong;
}
