/* hypercall_powerpc.c: an ePAPR hypercall by the instructions that /hypervisor gives: KVM's features, and a call that no
 * hypervisor knows. Exit status: how many went wrong; 9 if there is no hypervisor.
 * ePAPR 1.1, chapter 7; Linux Documentation/virt/kvm/ppc-pv.rst.
 */
#include "arch.h"

enum { EV_UNIMPLEMENTED = 12 };

int main(void) {
  struct hypercall_result r;
  int wrong = 0;
  if (!hypercall(KVM_HC_FEATURES, 0, &r)) {
    print("hypercall: no /hypervisor in the device tree\n");
    return 9;
  }
  print("hypercall: KVM_HC_FEATURES: status %d, features 0x%x\n", r.status, r.value);
  wrong += r.status != 0;
  hypercall(1 << 16 | 9999, 0, &r);
  print("hypercall: an unknown one: status %d\n", r.status);
  wrong += r.status != EV_UNIMPLEMENTED;
  u64 before = clock_ticks();
  if (hypercall_can_idle()) {
    timer_start(1000, interrupts_off);   /* a handler that does nothing */
    wait_for_interrupt();
    print("hypercall: EV_IDLE slept for %lu us\n", (clock_ticks() - before) * 1000000 / clock_frequency());
  }
  return wrong;
}
