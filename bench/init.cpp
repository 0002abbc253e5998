// PID 1 of a guest, as an ordinary static C program: mark 15 is the first thing its main() does,
// then it powers the guest off. Beside lab/plugin/init.cpp, which has no C library, this stands for
// the user space of a small system: some 0.7 MB to unpack and a C library's start before the mark.
#include <sys/reboot.h>
#include <unistd.h>

int main() {
#if defined(__aarch64__)
  asm volatile(".inst 0xd280001f | (15 << 5)" ::: "memory");
#elif defined(__riscv)
  asm volatile(".word 0x00f00013" ::: "memory");
#endif
  reboot(RB_POWER_OFF);
  for (;;) pause();
}
