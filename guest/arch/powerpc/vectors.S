/* vectors.S: exception vectors of four instructions, 0 to 15 and 32 to 37; then saving and restoring of all registers.
 *
 * Where an exception goes is IVPR | IVORn (book III-E, 7.2.18); entry.S sets IVORn to vectors + 16 * n, from 32 on to 16 * (n - 16). The stack is
 * trusted: this runtime has no user mode, and an exception in an exception ends the run anyway.
 */
#define FRAME 176
#define GPR(n) (8 + 4 * (n))

.section .text
.balign 1024
.global vectors
vectors:
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 32, 33, 34, 35, 36, 37
  stwu  %r1, -FRAME(%r1)
  stw   %r0, GPR(0)(%r1)
  li    %r0, \n
  b     save_all
  .endr

save_all:
  stmw  %r2, GPR(2)(%r1)
  stw   %r0, 160(%r1)
  addi  %r3, %r1, FRAME
  stw   %r3, GPR(1)(%r1)
  mfspr %r3, 26                 /* SRR0 */
  stw   %r3, 136(%r1)
  mfspr %r3, 27                 /* SRR1 */
  stw   %r3, 140(%r1)
  mfcr  %r3
  stw   %r3, 144(%r1)
  mflr  %r3
  stw   %r3, 148(%r1)
  mfctr %r3
  stw   %r3, 152(%r1)
  mfxer %r3
  stw   %r3, 156(%r1)
  mfspr %r3, 62                 /* ESR */
  stw   %r3, 164(%r1)
  mfspr %r3, 61                 /* DEAR */
  stw   %r3, 168(%r1)
  mr    %r3, %r1
  bl    exception
  lwz   %r3, 136(%r1)
  mtspr 26, %r3
  lwz   %r3, 140(%r1)
  mtspr 27, %r3
  lwz   %r3, 144(%r1)
  mtcr  %r3
  lwz   %r3, 148(%r1)
  mtlr  %r3
  lwz   %r3, 152(%r1)
  mtctr %r3
  lwz   %r3, 156(%r1)
  mtxer %r3
  lmw   %r2, GPR(2)(%r1)
  lwz   %r0, GPR(0)(%r1)
  addi  %r1, %r1, FRAME
  rfi

/* u32 hypercall_at(const u32 *instructions, u32 token, u32 argument, u32 *value): runs the instructions that the device
 * tree gives, with the token in r11 and the argument in r3. They change r0 and r3 to r12 at most (ePAPR 1.1, 7.4). */
.global hypercall_at
hypercall_at:
  stwu  %r1, -32(%r1)
  mflr  %r0
  stw   %r0, 36(%r1)
  stw   %r31, 28(%r1)
  mr    %r31, %r6
  mtctr %r3
  mr    %r11, %r4
  mr    %r3, %r5
  bctrl
  stw   %r4, 0(%r31)
  lwz   %r31, 28(%r1)
  lwz   %r0, 36(%r1)
  mtlr  %r0
  addi  %r1, %r1, 32
  blr

.section .note.GNU-stack, "", @progbits
