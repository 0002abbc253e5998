/* odd_loads.c: for the sample `widths`: loads from a device by instructions that leave the hypervisor without a decoded
 * syndrome (ESR_EL2.ISV = 0): post-indexed, and pairs. Under KVM these reach the monitor as KVM_EXIT_ARM_NISV where it has
 * asked for that; otherwise the guest gets an external abort. Arm ARM DDI 0487, D19.2.40, "ISS encoding for a Data Abort".
 */
#include "arch.h"
#include "runtime.h"

static bool post_indexed(u64 address, u64 *value, u64 *after) {
  u64 v = 0, ok = 0, t;
  __asm__ volatile("adr %2, 1f\n str %2, %3\n ldr %w0, [%4], #4\n mov %1, #1\n 1:"
                   : "+r"(v), "+r"(ok), "=&r"(t), "=Q"(probe_resume), "+r"(address) :: "memory");
  probe_resume = 0;
  *value = v;
  *after = address;
  return ok;
}

static bool pair(u64 address, u64 *low, u64 *high) {
  u64 a = 0, b = 0, ok = 0, t;
  __asm__ volatile("adr %3, 1f\n str %3, %4\n ldp %w0, %w1, [%5]\n mov %2, #1\n 1:"
                   : "=&r"(a), "=&r"(b), "+r"(ok), "=&r"(t), "=Q"(probe_resume) : "r"(address) : "memory");
  probe_resume = 0;
  *low = a;
  *high = b;
  return ok;
}

/* How many results cannot be right: an exception is allowed, a wrong value is not. */
int odd_loads(u64 address, u32 expected) {
  u64 value, after, high;
  int wrong = 0;
  if (!post_indexed(address, &value, &after)) {
    print("post-indexed load: exception\n");
  } else {
    print("post-indexed load: 0x%lx, address moved by %ld\n", value, (s64)(after - address));
    wrong += value != expected || after != address + 4;
  }
  if (!pair(address, &value, &high)) {
    print("load of a pair: exception\n");
  } else {
    print("load of a pair: 0x%lx 0x%lx\n", value, high);
    wrong += value != expected;
  }
  return wrong;
}
