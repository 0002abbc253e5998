/* panic.c: reports a panic as an operating system does, and waits for the end that the monitor makes of it. */
#include "guest.h"

int main(void) {
  print("panic: reporting\n");
  report_panic();
  halt_forever();
}
