/* vectors.S: one stub per interrupt vector, all alike and 16 bytes apart (exception.c puts them into the IDT).
 * Each makes the stack look the same, error code or not, saves the registers in a struct frame (arch.h) and calls
 * exception(frame). Intel SDM volume 3, 6.13 "Error code", 6.14 "Exception and interrupt handling in 64-bit mode".
 */
.text
.balign 16
.global vector_stubs
vector_stubs:
  .set n, 0
  .rept 48
  .balign 16
  .if (n == 8) || (n == 10) || (n == 11) || (n == 12) || (n == 13) || (n == 14) || (n == 17) || (n == 21)
  .else
  push $0
  .endif
  push $n
  jmp  save
  .set n, n + 1
  .endr

save:
  push %rax
  push %rbx
  push %rcx
  push %rdx
  push %rsi
  push %rdi
  push %rbp
  push %r8
  push %r9
  push %r10
  push %r11
  push %r12
  push %r13
  push %r14
  push %r15
  cld
  mov  %rsp, %rdi
  mov  %rsp, %rbx
  and  $-16, %rsp               /* the C ABI */
  call exception
  mov  %rbx, %rsp
  pop  %r15
  pop  %r14
  pop  %r13
  pop  %r12
  pop  %r11
  pop  %r10
  pop  %r9
  pop  %r8
  pop  %rbp
  pop  %rdi
  pop  %rsi
  pop  %rdx
  pop  %rcx
  pop  %rbx
  pop  %rax
  add  $16, %rsp                /* vector, error code */
  iretq

.section .note.GNU-stack, "", @progbits
