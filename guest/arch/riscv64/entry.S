/* entry.S: the first instructions on riscv64, for ELF, Linux `Image` and flat binary alike.
 *
 * What is promised on entry: docs/boot-contract.md, after Linux Documentation/arch/riscv/boot.rst:
 * a0 = hart id, a1 = device tree, S-mode, satp = 0, one hart running and the others stopped (SBI HSM).
 *
 * There is no cache maintenance here because none is needed: on RISC-V harts see memory coherently whether
 * or not translation is on (Unprivileged ISA, chapter 17), and attributes come from the machine (PMAs), not from
 * page tables. Only instruction fetch needs FENCE.I after code has been written.
 * Deliberately absent: translation (satp stays 0: VA == PA), M-mode entry, several harts at once.
 */
/* The 64-byte header of a Linux Image; an ELF loader simply starts at the jump. */
.section .head.0, "ax"
.option push
.option norvc
.global _start
_start:
  j    entry
  nop
.option pop
  .quad 0x200000                /* text_offset: the first 2 MiB of RAM belong to firmware */
                                /* link.ld puts the size here, with bss and stacks: nothing else may lie there */
.section .head.1, "ax"
  .quad 0                       /* flags: little-endian */
  .long 2                       /* header version 0.2 */
  .long 0
  .quad 0
  .quad 0                       /* magic: deprecated since 0.2 */
                                /* link.ld puts magic2, "RSC\x05", here, or 0 in the flat binary */
.section .head, "ax"
entry:
  /* Save the machine as we found it; t0's value waits in sscratch. */
  csrw sscratch, t0
  lla  t0, boot_state
  sd   x1, 8 * 1(t0)
  sd   x2, 8 * 2(t0)
  sd   x3, 8 * 3(t0)
  sd   x4, 8 * 4(t0)
  .irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  sd   x\n, 8 * \n(t0)
  .endr
  csrr t1, sscratch
  sd   t1, 8 * 5(t0)
  lla  t1, _start
  sd   t1, 8 * 32(t0)
  csrr t1, satp
  sd   t1, 8 * 33(t0)
  csrr t1, sstatus
  sd   t1, 8 * 34(t0)
  csrr t1, sie
  sd   t1, 8 * 35(t0)

  /* A known state, whatever we were promised. */
  csrw sie, zero
  csrci sstatus, 2              /* SIE */
  csrw satp, zero
  sfence.vma

  /* The Image and the flat binary are linked at 0 and may lie anywhere: add the address we run at to every
   * pointer in initialised data (Elf64_Rela). */
  lla  t0, image_start
  lla  t1, relocations_start
  lla  t2, relocations_end
  li   t6, 3                    /* R_RISCV_RELATIVE, the only kind in a static PIE */
1:bgeu t1, t2, 2f
  ld   t3, 0(t1)
  ld   t4, 8(t1)
  ld   t5, 16(t1)
  addi t1, t1, 24
  bne  t4, t6, 1b
  add  t3, t3, t0
  add  t5, t5, t0
  sd   t5, 0(t3)
  j    1b

2:lla  t0, bss_start
  lla  t1, bss_end
3:bgeu t0, t1, 4f
  sd   zero, 0(t0)
  sd   zero, 8(t0)
  addi t0, t0, 16
  j    3b

4:li   a0, 0
  jal  cpu_setup
  lla  t0, boot_state
  ld   a0, 8 * 11(t0)           /* a1 at entry: the device tree */
  call start

/* Other harts come here from SBI HSM hart_start with a0 = hart id, a1 = the CPU's index, satp = 0. */
.global secondary_entry
secondary_entry:
  mv   a0, a1
  mv   s0, a1
  jal  cpu_setup
  mv   a0, s0
  call secondary_start
1:wfi
  j    1b

/* a0 = index of this CPU: its stack, its number (in tp, which compiled code leaves alone), its trap vector. */
cpu_setup:
  mv   tp, a0
  lla  sp, stacks
  addi t0, a0, 1
  slli t0, t0, 14               /* STACK_SIZE = 1 << 14 */
  add  sp, sp, t0
  lla  t0, trap_vector
  csrw stvec, t0
  ret

.section .data
.balign 64
.global boot_state
boot_state:
  .fill 8 * 36

.section .stacks, "aw", @nobits
stacks:
  .skip 8 << 14                 /* MAX_CPUS * STACK_SIZE */

.section .note.GNU-stack, "", @progbits
