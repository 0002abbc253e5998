/* triplefault.c: takes an exception when there is no way to handle one. On x86_64 the CPU shuts down (a triple
 * fault); on the others it takes the exception again and again, for ever or until the hypervisor stops it.
 */
#include "arch.h"

int main(void) {
  print("triplefault: no exception handlers from here on\n");
  break_exceptions();
  undefined_instruction();
  return 1;
}
