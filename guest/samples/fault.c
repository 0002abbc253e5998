/* fault.c: makes an exception on purpose: the registers are printed and the exit status is 3 (EXIT_EXCEPTION).
 * Argument `kind=0`: undefined instruction (the default); 1: a read where nothing is, at `at=ADDRESS`.
 */
#include "arch.h"

#ifndef UNMAPPED
#define UNMAPPED 0x6000000000
#endif

int main(void) {
  if (boot_arg_number("kind", 0) == 0) {
    print("fault: an undefined instruction follows\n");
    undefined_instruction();
  } else {
    u64 address = boot_arg_number("at", UNMAPPED);
    print("fault: a read of 0x%lx follows\n", address);
    print("read 0x%x\n", mmio_read32(address));
  }
  print("fault: no exception came\n");
  return 1;
}
