// PID 1 of a guest whose start is being counted: its first instruction is mark 15 (see elcount.c),
// then it powers the guest off. No C library: nothing runs between the kernel and the mark.
// reboot(LINUX_REBOOT_CMD_POWER_OFF) is system call 142 on aarch64 and riscv64, 169 on x86_64.
#if defined(__aarch64__)
asm(R"(
  .globl _start
_start:
  movz xzr, #15
  movz x0, #0xdead
  movk x0, #0xfee1, lsl #16
  movz w1, #0x1969
  movk w1, #0x2812, lsl #16
  movz w2, #0xfedc
  movk w2, #0x4321, lsl #16
  movz w8, #142
  svc #0
1: b 1b
)");
#elif defined(__riscv)
asm(R"(
  .globl _start
_start:
  .word 0x00f00013  # addi x0, x0, 15
  li a0, 0xfee1dead
  li a1, 0x28121969
  li a2, 0x4321fedc
  li a7, 142
  ecall
1: j 1b
)");
#elif defined(__x86_64__)
asm(R"(
  .globl _start
_start:
  mov $0xfee1dead, %edi
  mov $0x28121969, %esi
  mov $0x4321fedc, %edx
  mov $169, %eax
  syscall
1: jmp 1b
)");
#endif
