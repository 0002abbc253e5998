/* hang.c: hangs in a chosen way, or stays healthy for ever: what `polyvisor diagnose` is tested with.
 *
 * Argument `kind=N`. Hanging: 1 an undefined instruction whose handler returns to it; 2 the same for a read of nothing;
 * 3 an exception without handlers; 4 a jump to itself; 5 a jump to nowhere; 6 a jump into device memory with the MMU
 * off; 7 a stack pointer that points to nothing; 8 waiting for a CPU that was never started; 9 handlers in empty memory;
 * 10 a sleep without any interrupt; 11 asking a device for a value that never comes; 12 two CPUs that wait for each other's
 * lock. Healthy: 20 a timer interrupt every 10 ms; 21 every CPU computes; 22 every CPU but
 * the first one sleeps, that one has a timer; 23 computing between timer interrupts; 24 prints for ever, slowly; 25 an empty
 * loop, all work is done by a timer's handler; 26 a loop until another CPU has done its work; 27 asks the serial port for input.
 * A kind that the architecture does not have exits with 9.
 */
#include "hang.h"

static volatile int flag;
static volatile u64 ticks;

static void tick(void) { ticks++; }

static void timer_for_ever(bool compute) {
  for (;;) {
    u64 seen = ticks;
    timer_start(10000, tick);
    if (compute) {
      interrupts_on();
      while (ticks == seen) {}
      interrupts_off();
    } else {
      while (ticks == seen) wait_for_interrupt();
    }
  }
}

static void tick_again(void) {
  ticks++;
  timer_start(10000, tick_again);
}

static void idle_in_a_loop(void) {
  timer_start(10000, tick_again);
  interrupts_on();
  for (;;) __asm__ volatile("");
}

static void compute(int index) {
  volatile u64 sum = (u64)index;
  for (u64 i = 1;; i++) sum = sum * 6364136223846793005ull + i;
}

static void sleep_for_ever(int index) {
  (void)index;
  interrupts_off();
  for (;;) wait_for_interrupt();
}

static void poll_for_ever(void) {
  while (uart_in(7) != 0xa5) {}
}

static volatile int locks[2];

static void take_both(int index) {
  locks[index] = 1;
  while (locks[!index] == 0) {}   /* until the other one has taken its own */
  while (locks[!index] != 0) {}
  locks[index] = 0;
}

static void on_others(void (*function)(int)) {
  for (int i = 1; i < cpu_count(); i++) cpu_start(i, function);
}

int main(void) {
  int kind = (int)boot_arg_number("kind", 0);
  print("hang: kind %d\n", kind);
  interrupts_off();
  switch (kind) {
    case 1: handlers_that_return(); undefined_instruction(); break;
    case 2: handlers_that_return(); read_unmapped(); break;
    case 3: break_exceptions(); undefined_instruction(); break;
    case 4: for (;;) __asm__ volatile("");
    case 5: jump_without_handlers(); break;
    case 6: run_device_memory(); break;
    case 7: lose_the_stack(); break;
    case 8: while (!flag) {} break;
    case 9: handlers_in_empty_memory(); undefined_instruction(); break;
    case 10: halt_forever();
    case 11: poll_for_ever(); break;
    case 12: on_others(take_both); take_both(0); break;
    case 20: timer_for_ever(false); break;
    case 21: on_others(compute); compute(0); break;
    case 22: on_others(sleep_for_ever); timer_for_ever(false); break;
    case 23: timer_for_ever(true); break;
    case 24: for (u64 i = 0;; i++) if (i % 3000000 == 0) print(".");
    case 25: idle_in_a_loop(); break;
    case 26: on_others(compute); while (!flag) {} break;
    case 27: for (;;) console_read();
  }
  return 9;
}
