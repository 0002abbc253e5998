/* machinecheck_powerpc.c: executes instructions out of device memory, at `at=ADDRESS` (physical, 36 bits; the default is a
 * virtio device). A hypervisor cannot fetch them: on KVM it is a machine check in the guest, whose MCSRR0 KVM does not
 * emulate. Exit status: 3, from the exception printer. Power ISA 2.06 book III-E, 7.6.3.
 */
#include "arch.h"

enum { CACHE_INHIBITED = 8, GUARDED = 2, TSIZE_64K = 3, SUPERVISOR_RWX = 0x15 };
#define SOMEWHERE 0xd0000000u

int main(void) {
  u64 address = boot_arg_number("at", CCSR + 0xb0000);
  u32 page = 0xffff;
  struct tlb_entry entry = {SOMEWHERE, address & ~(u64)page, TSIZE_64K, CACHE_INHIBITED | GUARDED, SUPERVISOR_RWX};
  print("machinecheck: jumping to %lx\n", address);
  tlb1_write(SLOT_WINDOW, &entry);
  ((void (*)(void))(SOMEWHERE + ((u32)address & page)))();
  print("machinecheck: came back\n");
  return 1;
}
