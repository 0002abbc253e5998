/* vectors.S: the exception vector table and the way back. Arm ARM DDI 0487, D1.3 "Exception vectors".
 *
 * All sixteen entries save the general registers in a struct frame (arch.h) on the stack in use and call
 * exception(frame, number of the entry). Floating-point registers are not saved: nothing here uses them.
 */
.macro vector number
  .balign 128
  sub  sp, sp, #8 * 34
  stp  x0, x1, [sp, #8 * 0]
  mov  x1, #\number
  b    save
.endm

.text
.balign 2048
.global vectors
vectors:
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  vector \n
  .endr

save:
  stp  x2, x3, [sp, #8 * 2]
  stp  x4, x5, [sp, #8 * 4]
  stp  x6, x7, [sp, #8 * 6]
  stp  x8, x9, [sp, #8 * 8]
  stp  x10, x11, [sp, #8 * 10]
  stp  x12, x13, [sp, #8 * 12]
  stp  x14, x15, [sp, #8 * 14]
  stp  x16, x17, [sp, #8 * 16]
  stp  x18, x19, [sp, #8 * 18]
  stp  x20, x21, [sp, #8 * 20]
  stp  x22, x23, [sp, #8 * 22]
  stp  x24, x25, [sp, #8 * 24]
  stp  x26, x27, [sp, #8 * 26]
  stp  x28, x29, [sp, #8 * 28]
  add  x2, sp, #8 * 34
  stp  x30, x2, [sp, #8 * 30]
  mrs  x2, elr_el1
  mrs  x3, spsr_el1
  stp  x2, x3, [sp, #8 * 32]
  mov  x0, sp
  bl   exception

  ldp  x2, x3, [sp, #8 * 32]
  msr  elr_el1, x2
  msr  spsr_el1, x3
  ldp  x0, x1, [sp, #8 * 0]
  ldp  x2, x3, [sp, #8 * 2]
  ldp  x4, x5, [sp, #8 * 4]
  ldp  x6, x7, [sp, #8 * 6]
  ldp  x8, x9, [sp, #8 * 8]
  ldp  x10, x11, [sp, #8 * 10]
  ldp  x12, x13, [sp, #8 * 12]
  ldp  x14, x15, [sp, #8 * 14]
  ldp  x16, x17, [sp, #8 * 16]
  ldp  x18, x19, [sp, #8 * 18]
  ldp  x20, x21, [sp, #8 * 20]
  ldp  x22, x23, [sp, #8 * 22]
  ldp  x24, x25, [sp, #8 * 24]
  ldp  x26, x27, [sp, #8 * 26]
  ldp  x28, x29, [sp, #8 * 28]
  ldr  x30, [sp, #8 * 30]
  add  sp, sp, #8 * 34
  eret

.section .note.GNU-stack, "", %progbits
