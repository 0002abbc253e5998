/* refused_powerpc.c: one instruction that the host or the processor refuses; the exception printer has to name it.
 * Argument `kind=0`: dcbi at a device, which KVM emulates nowhere (the default); 1: lfs from RAM, with floating point not
 * enabled or absent; 2: evldd from RAM, with SPE not enabled or absent; 3: icbtls at a device.
 */
#include "arch.h"

static u32 memory[2] __attribute__((aligned(8)));

int main(void) {
  u64 kind = boot_arg_number("kind", 0);
  u32 device = (u32)CCSR + 0xb0000;
  print("refused: kind %d, RAM at %08x\n", (int)kind, (u32)memory);
  if (kind == 0) __asm__ volatile("dcbi 0, %0" : : "b"(device) : "memory");
  if (kind == 1) __asm__ volatile("lfs 1, 0(%0)" : : "b"(memory) : "memory");
  if (kind == 2) __asm__ volatile(".long 0x10000301 | (%0 << 16)" : : "b"(memory) : "memory", "r0");
  if (kind == 3) __asm__ volatile(".long 0x7c0003cc | (%0 << 11)" : : "r"(device) : "memory");
  print("refused: it went through\n");
  return 1;
}
