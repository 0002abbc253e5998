/* marks.c: says how far it is by the machine's mark register: 1 (init), 2 (ready), 7, and works in between. */
#include "guest.h"

/* Something that takes a while and that no compiler removes. */
static u64 work(u64 rounds) {
  volatile u64 sum = 0;
  for (u64 i = 0; i < rounds; i++) sum += i;
  return sum;
}

int main(void) {
  const u64 rounds = boot_arg_number("rounds", 5000);
  mark(1);
  print("marks: begun\n");
  work(rounds);
  mark(2);
  work(rounds);
  mark(7);
  print("marks: done\n");
  return 0;
}
