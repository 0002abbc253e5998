/* nowhere.c: jumps to an address in the device hole where nothing is. What happens is the hypervisor's decision:
 * an exception in the guest (then it is printed, status 3), or the end of the guest. Argument `at=ADDRESS`.
 */
#include "arch.h"

int main(void) {
  u64 address = boot_arg_number("at", nowhere());
  print("nowhere: jumping to 0x%lx\n", address);
  ((void (*)(void))address)();
  print("nowhere: came back\n");
  return 1;
}
