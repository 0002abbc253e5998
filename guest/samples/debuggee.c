/* debuggee.c: something for a debugger to look at: calls inside calls and a variable that changes. It counts until a
   debugger sets `finish`, or to LAST without one. */
#include "guest.h"

enum { LAST = 2000000000 };

volatile int finish;
volatile int counter;

__attribute__((noinline)) int innermost(int step) {
  counter += step;
  return counter;
}

__attribute__((noinline)) int inner(int step) { return innermost(step) + finish; }

__attribute__((noinline)) int outer(int step) {
  int before = counter;
  int after = inner(step) - finish;
  return after - before;
}

int main(void) {
  print("debuggee: counting\n");
  while (!finish && counter < LAST) {
    int step = outer(1);
    if (step != 1 && !finish) print("debuggee: a step of %d\n", step);
  }
  print("debuggee: finished, %s\n", finish ? "told so" : "by itself");
  return finish == 1 ? 0 : 3;
}
