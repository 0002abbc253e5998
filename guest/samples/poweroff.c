/* poweroff.c: switches the machine off as an operating system does (not by the test-exit device). */
#include "guest.h"

int main(void) {
  print("poweroff: switching off\n");
  power_off();
}
