/* timer.c: the supervisor timer: stimecmp where the hart has Sstc, else through SBI TIME set_timer.
 * RISC-V Privileged Architecture, chapter "Sstc"; SBI 2.0, chapter 6.
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

#define STIMECMP 0x14d   /* by number: this assembler is older than the name */

static void (*timer_handler[MAX_CPUS])(void);

static bool has_sstc(void) {
  static int known;   /* 0: not looked up yet, 1: no, 2: yes */
  if (!known) known = isa_has("sstc") ? 2 : 1;
  return known == 2;
}

const char *timer_name(void) { return has_sstc() ? "stimecmp (Sstc)" : "SBI set_timer"; }
u64 clock_ticks(void) { return read_csr(time); }

u64 clock_frequency(void) {
  struct fdt_node n;
  return fdt_path(&n, "cpus", NULL) ? fdt_number(&n, "timebase-frequency", 0) : 0;
}

/* Setting a time that never comes is also how a pending timer interrupt is taken back. */
static void set_compare(u64 when) {
  if (has_sstc()) __asm__ volatile("csrw %0, %1" :: "i"(STIMECMP), "r"(when));
  else sbi_call(SBI_TIME, 0, when, 0, 0);
}

void timer_interrupt(void) {
  set_compare(~0ul);
  timer_handler[cpu_index()]();
}

void timer_start(u64 microseconds, void (*handler)(void)) {
  timer_handler[cpu_index()] = handler;
  set_compare(clock_ticks() + microseconds * clock_frequency() / 1000000);
  set_csr(sie, SIE_STIE);
}
