/* timer.c: five timer interrupts, 10 ms apart. Exit status 1 if one comes too early. */
#include "guest.h"

enum { TICKS = 5, PERIOD_US = 10000 };

static volatile int ticks;
static void tick(void) { ticks++; }

int main(void) {
  u64 frequency = clock_frequency();
  int early = 0;
  print("timer: %s, clock %lu Hz\n", timer_name(), frequency);
  for (int i = 0; i < TICKS; i++) {
    int seen = ticks;
    u64 start = clock_ticks();
    timer_start(PERIOD_US, tick);
    while (ticks == seen) wait_for_interrupt();
    u64 elapsed = frequency ? (clock_ticks() - start) * 1000000 / frequency : 0;
    print("tick %d after %lu us\n", ticks, elapsed);
    early += frequency && elapsed < PERIOD_US - PERIOD_US / 20;   /* the x86 clocks are not the same one: 5 % */
  }
  print("timer: %d ticks, %d too early\n", ticks, early);
  return early != 0;
}
