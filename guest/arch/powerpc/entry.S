/* entry.S: the first instructions on 32-bit PowerPC Book3E.
 *
 * What is promised on entry: docs/boot-contract.md, after ePAPR 1.1, 5.4.1: r3 = device tree, r6 = a magic number,
 * r7 = size of the mapping in which we run (effective 0 = physical 0, covering this image and the tree), MSR = 0.
 * A Book3E processor always translates: everything else has to be given a TLB entry first. TLB1 entries are counted
 * from the one that maps us, which a search finds.
 * Power ISA 2.06 book III-E, chapter 6 (MAS registers, tlbsx, tlbwe); ePAPR 1.1, 5.5.2 (spin table: secondary_entry).
 * Deliberately absent: 64-bit mode, floating point and SPE (both stay disabled), TLB0.
 */
#define SPRG0 272
#define SPRG1 273
#define PID 48
#define IVPR 63
#define IVOR0 400
#define IVOR32 528
#define PVR 287
#define TSR 336
#define TCR 340
#define TLB1CFG 689
#define MAS0 624
#define MAS1 625
#define MAS2 626
#define MAS3 627
#define MAS6 630
#define MAS7 944

.section .head.0, "ax"
.global _start
_start:
  b     entry
  .long 0, 0, 0
/* link.ld puts the image's size and a magic number of 0 between the parts of this section. */
.section .head, "ax"
entry:
  /* Save the machine as we found it; r31 and r30 wait in SPRGs. */
  mtspr SPRG0, %r31
  mtspr SPRG1, %r30
  lis   %r31, boot_state@ha
  la    %r31, boot_state@l(%r31)
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
  stw   %r\n, 4 * \n(%r31)
  .endr
  mfspr %r30, SPRG1
  stw   %r30, 4 * 30(%r31)
  mfspr %r30, SPRG0
  stw   %r30, 4 * 31(%r31)
  bl    1f
1:mflr  %r30
  addi  %r4, %r30, _start - 1b
  stw   %r4, 4 * 32(%r31)
  mfmsr %r4
  stw   %r4, 4 * 33(%r31)
  mfspr %r5, TCR
  stw   %r5, 4 * 34(%r31)
  mfspr %r5, TSR
  stw   %r5, 4 * 35(%r31)
  mfspr %r5, TLB1CFG
  stw   %r5, 4 * 36(%r31)
  mfspr %r5, PID
  stw   %r5, 4 * 42(%r31)      /* search in the address space that we run in: MSR[IS] and PID */
  slwi  %r5, %r5, 16
  rlwimi %r5, %r4, 27, 31, 31
  mtspr MAS6, %r5
  tlbsx 0, %r30
  mfspr %r5, MAS0
  stw   %r5, 4 * 37(%r31)
  mfspr %r5, MAS1
  stw   %r5, 4 * 38(%r31)
  mfspr %r5, MAS2
  stw   %r5, 4 * 39(%r31)
  mfspr %r5, MAS3
  stw   %r5, 4 * 40(%r31)
  mfspr %r5, MAS7
  stw   %r5, 4 * 41(%r31)
  lwz   %r5, 4 * 36(%r31)      /* how many entries of TLB1 are valid, before any is written */
  andi. %r5, %r5, 0xfff
  mtctr %r5
  li    %r5, 0
  lis   %r4, 0x1000            /* MAS0: TLB1, entry 0 */
2:mtspr MAS0, %r4
  isync
  tlbre
  isync
  mfspr %r6, MAS1
  srwi  %r6, %r6, 31
  add   %r5, %r5, %r6
  addis %r4, %r4, 1
  bdnz  2b
  stw   %r5, 4 * 43(%r31)

  lis   %r4, bss_start@ha
  la    %r4, bss_start@l(%r4)
  lis   %r5, bss_end@ha
  la    %r5, bss_end@l(%r5)
  li    %r6, 0
2:cmplw %r4, %r5
  bge   3f
  stw   %r6, 0(%r4)
  addi  %r4, %r4, 4
  b     2b
3:li    %r3, 0
  bl    cpu_setup
  lis   %r31, boot_state@ha
  la    %r31, boot_state@l(%r31)
  lwz   %r3, 4 * 3(%r31)
  bl    start

/* Other CPUs come here from the spin table with r3 = the number that smp.c put there. */
.global secondary_entry
secondary_entry:
  mr    %r31, %r3
  bl    cpu_setup
  mr    %r3, %r31
  bl    secondary_start
4:b     4b

/* r3 = index of this CPU: its stack, its number (in r2, which compiled code leaves alone), vectors, the CCSR's mapping.
 * Changes r3 to r7. */
cpu_setup:
  mr    %r2, %r3
  lis   %r1, stacks@ha
  la    %r1, stacks@l(%r1)
  addi  %r4, %r3, 1
  slwi  %r4, %r4, 14           /* STACK_SIZE = 1 << 14 */
  add   %r1, %r1, %r4
  li    %r4, 0
  stwu  %r4, -16(%r1)
  lis   %r5, 0x1000            /* MSR: machine checks on, all else off */
  srwi  %r5, %r5, 16
  mtmsr %r5
  isync
  mtspr TCR, %r4
  lis   %r5, 0xfe00            /* TSR: a bit is cleared by writing 1 */
  mtspr TSR, %r5
  lis   %r5, vectors@h         /* all vectors lie within one 64 KiB: they are aligned to their size */
  mtspr IVPR, %r5
  ori   %r5, %r4, vectors@l    /* r4 is 0. Not `li`, which extends the sign: KVM for e500v2 keeps all 32 bits of an IVOR */
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
  addi  %r6, %r5, 16 * \n
  mtspr IVOR0 + \n, %r6
  .endr
  /* The vectors from 32 on are not the same in every core, and writing one that is missing traps: SPE's 32 to 34 on an
   * e500v2, the doorbells' 36 and 37 from the e500mc (0x8023) on, 35 on all. */
  mfspr %r4, PVR
  srwi  %r4, %r4, 16
  cmplwi %r4, 0x8023
  addi  %r6, %r5, 16 * 19
  mtspr IVOR32 + 3, %r6
  bge   5f
  .irp n, 0, 1, 2
  addi  %r6, %r5, 16 * (16 + \n)
  mtspr IVOR32 + \n, %r6
  .endr
  b     6f
5:.irp n, 4, 5
  addi  %r6, %r5, 16 * (16 + \n)
  mtspr IVOR32 + \n, %r6
  .endr
6:
  /* CCSR: 1 MiB at physical 0xfe0000000, effective 0xe0000000, cache-inhibited and guarded. */
  lis   %r4, boot_state@ha
  la    %r4, boot_state@l(%r4)
  lwz   %r4, 4 * 37(%r4)       /* MAS0: which entry maps us */
  addis %r4, %r4, 1            /* SLOT_CCSR: the next, of 16 at least */
  rlwinm %r4, %r4, 0, 12, 15
  oris  %r4, %r4, 0x1000       /* TLB1 */
  mtspr MAS0, %r4
  lis   %r4, 0xc000            /* valid, protected; TSIZE 5: 1 MiB */
  ori   %r4, %r4, 5 << 8
  mtspr MAS1, %r4
  lis   %r4, 0xe000
  ori   %r5, %r4, 0x0a         /* I, G */
  mtspr MAS2, %r5
  ori   %r5, %r4, 0x05         /* supervisor may read and write */
  mtspr MAS3, %r5
  li    %r4, 0xf
  mtspr MAS7, %r4
  isync
  tlbwe
  isync
  blr

.section .data
.balign 64
.global boot_state
boot_state:
  .fill 4 * 44

.section .stacks, "aw", @nobits
.global stacks
stacks:
  .skip 8 << 14                 /* MAX_CPUS * STACK_SIZE */

.section .note.GNU-stack, "", @progbits
