/* hello.c: the smallest guest: one line, and the arguments it was given. */
#include "guest.h"

int main(void) {
  print("hello from polyvisor guest (" ARCH_NAME ")\n");
  if (boot_args()[0]) print("arguments: %s\n", boot_args());
  return 0;
}
