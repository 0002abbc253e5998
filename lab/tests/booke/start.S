/* The Book3E hypervisor test's entry, vectors and way into a guest and back. See hv_test.c. */

        .section .text.start, "ax"
        .globl  _start
_start:
        lis     1, stack_top@ha
        addi    1, 1, stack_top@l
        b       start

/* u32 run(pc, msr, r3): go to `pc` in the state that `msr` tells; returns the vector that ended it.
   `left` has the registers then. */
        .text
        .globl  run
run:
        lis     6, context@ha
        addi    6, 6, context@l
        stw     1, 0(6)
        mflr    7
        stw     7, 4(6)
        mfcr    7
        stw     7, 8(6)
        stw     2, 12(6)
        stmw    13, 16(6)
        li      7, 1
        stw     7, 92(6)                /* running */
        mtspr   26, 3
        mtspr   27, 4
        mr      3, 5
        rfi

interrupt:                              /* r3: vector; SPRG0: the interrupted r3 */
        mtspr   273, 4
        lis     4, left@ha
        addi    4, 4, left@l
        stw     3, 0(4)
        mfspr   3, 272
        stw     3, 4(4)
        mfspr   3, 26
        stw     3, 8(4)
        mfspr   3, 27
        stw     3, 12(4)
        mfspr   3, 58
        stw     3, 16(4)
        mfspr   3, 59
        stw     3, 20(4)
        mfspr   3, 378
        stw     3, 24(4)
        mfspr   3, 379
        stw     3, 28(4)
        mfspr   3, 62
        stw     3, 32(4)
        mfspr   3, 383
        stw     3, 36(4)
        mfspr   3, 380
        stw     3, 40(4)
        mfspr   3, 381
        stw     3, 44(4)
        mfspr   3, 273
        stw     3, 48(4)
        lwz     3, 0(4)
        lis     4, context@ha
        addi    4, 4, context@l
        lwz     1, 92(4)
        cmpwi   1, 0
        lis     1, stack_top@ha
        addi    1, 1, stack_top@l
        bne     1f
        b       unexpected              /* nothing was running: C says so and ends */
1:
        li      1, 0
        stw     1, 92(4)
        lwz     1, 4(4)
        mtlr    1
        lwz     1, 8(4)
        mtcr    1
        lwz     1, 0(4)
        lwz     2, 12(4)
        lmw     13, 16(4)
        blr

        .balign 65536
        .globl  vectors
vectors:
        .set    n, 0
        .rept   42
        .balign 16
        mtspr   272, 3
        li      3, n
        b       interrupt
        .set    n, n + 1
        .endr

/* The guest's own vectors tell the hypervisor 0x100 + which one in r3, and the MSR there in r4. */
        .balign 65536
        .globl  guest_vectors
guest_vectors:
        .set    n, 0
        .rept   16
        .balign 16
        li      3, 0x100 + n
        mfmsr   4
        ehpriv
        .set    n, n + 1
        .endr

        .bss
        .balign 16
        .globl  left
left:   .space  64
context: .space 96
        .space  16384
stack_top:

        .section .note.GNU-stack, "", @progbits
