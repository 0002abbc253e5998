/* trap.S: the trap vector (direct mode: one for all causes) and the way back.
 * Saves the general registers in a struct frame (arch.h) on the stack in use and calls trap(frame).
 */
.text
.balign 4
.global trap_vector
trap_vector:
  addi sp, sp, -8 * 34
  sd   x1, 8 * 1(sp)
  .irp n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  sd   x\n, 8 * \n(sp)
  .endr
  addi t0, sp, 8 * 34
  sd   t0, 8 * 2(sp)
  csrr t0, sepc
  sd   t0, 8 * 32(sp)
  csrr t0, sstatus
  sd   t0, 8 * 33(sp)
  mv   a0, sp
  call trap

  ld   t0, 8 * 32(sp)
  csrw sepc, t0
  ld   t0, 8 * 33(sp)
  csrw sstatus, t0
  ld   x1, 8 * 1(sp)
  .irp n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  ld   x\n, 8 * \n(sp)
  .endr
  addi sp, sp, 8 * 34
  sret

.section .note.GNU-stack, "", @progbits
