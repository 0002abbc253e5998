/* memtest.c: writes a pattern that depends on the address all over RAM, then checks it: finds RAM that is missing,
 * read-only, or seen at two addresses. Argument `step=N`: bytes from one tested word to the next (default 4096;
 * 8 tests every word). Exit status 1 on an error.
 */
#include "guest.h"

static u64 step;

static bool reserved(u64 p, u64 *end) {
  const struct range *r;
  for (int i = reserved_ranges(&r); i-- > 0;)
    if (p + 8 > r[i].base && p < r[i].base + r[i].size) {
      *end = (r[i].base + r[i].size + 7) & ~7ull;
      return true;
    }
  return false;
}

struct pass { bool verify; u64 pattern, words, bytes, bad, first_bad; };

static void walk(struct pass *pass, u64 from, u64 to) {
  for (u64 p = from; p + 8 <= to; p += step) {
    volatile u64 *word = (volatile u64 *)p;
    pass->words++;
    if (!pass->verify) *word = p ^ pass->pattern;
    else if (*word != (p ^ pass->pattern) && !pass->bad++) pass->first_bad = p;
  }
}

/* Splits RAM at what is reserved: `walk` then needs no test for each word. */
static void walk_all(struct pass *pass) {
  const struct range *ram;
  int n = ram_ranges(&ram);
  for (int i = 0; i < n; i++) {
    u64 end = ram[i].base + ram[i].size;
    for (u64 p = ram[i].base; p < end;) {
      u64 next = end;
      if (reserved(p, &p)) continue;
      const struct range *r;
      for (int k = reserved_ranges(&r); k-- > 0;)
        if (r[k].base >= p && r[k].base < next) next = r[k].base;
      walk(pass, p, next);
      pass->bytes += next - p;
      p = next;
    }
  }
}

int main(void) {
  static const u64 patterns[] = {0, ~0ull, 0x5555555555555555};
  const struct range *ram;
  u64 bad = 0;
  step = boot_arg_number("step", 4096);
  if (step < 8 || step % 8) step = 8;
  for (int i = 0, n = ram_ranges(&ram); i < n; i++)
    print("RAM %016lx to %016lx\n", ram[i].base, ram[i].base + ram[i].size - 1);
  for (u32 i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    struct pass pass = {.pattern = patterns[i]};
    walk_all(&pass);
    pass = (struct pass){.verify = true, .pattern = patterns[i]};
    walk_all(&pass);
    print("pattern %016lx: %lu words in %lu KiB, %lu bad", patterns[i], pass.words, pass.bytes >> 10, pass.bad);
    if (pass.bad) print(", the first at %016lx", pass.first_bad);
    print("\n");
    bad += pass.bad;
  }
  print("memtest: %s\n", bad ? "FAILED" : "passed");
  return bad != 0;
}
