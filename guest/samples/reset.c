/* reset.c: asks for a reset as an operating system does. */
#include "guest.h"

int main(void) {
  print("reset: resetting\n");
  system_reset();
}
