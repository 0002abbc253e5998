/* smp.c: starts every other CPU, waits until each has said so. Exit status: how many are missing. */
#include "guest.h"

static volatile int up = 1;   /* the boot CPU */

static void hello(int index) {
  if (cpu_index() != index) {
    print("CPU %d believes that it is CPU %d\n", index, cpu_index());
    return;
  }
  print("CPU %d is up\n", index);
  __atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
}

int main(void) {
  int count = cpu_count();
  print("smp: %d CPUs\n", count);
  for (int i = 1; i < count; i++) {
    s64 error = cpu_start(i, hello);
    if (error) print("CPU %d: the start was refused: %ld\n", i, error);
  }
  for (u64 spins = 0; up < count && spins < 300000000; spins++) __asm__ volatile("" ::: "memory");
  print("smp: %d of %d CPUs up\n", up, count);
  return count - up;
}
