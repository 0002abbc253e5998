/* entry.S: the first instructions on aarch64, for ELF, Linux `Image` and flat binary alike.
 *
 * What is promised on entry: docs/boot-contract.md, after Linux Documentation/arch/arm64/booting.rst:
 * x0 = device tree, EL1 (EL1h), MMU and data cache off, interrupts masked.
 *
 * Turning the MMU and the caches on, and why each step is there
 * -------------------------------------------------------------
 * "Cache off" means *bypassed*, not *empty*. With SCTLR_EL1.C = 0 our loads and stores go to memory while
 * lines of the same addresses may sit in the cache: the loader wrote the image through its own, cacheable
 * mapping, and under KVM the monitor's mapping of guest RAM stays cacheable for ever. So, for everything
 * that is written while the cache is off and read after it is on:
 *   1. before writing: clean and invalidate the lines (DC CIVAC), else a dirty line may be evicted
 *      over what we wrote;
 *   2. write; DMB so that the maintenance is ordered after the writes;
 *   3. after writing: invalidate the lines again (DC IVAC), else a clean line fetched speculatively in between
 *      hides what we wrote. (Under a hypervisor DC IVAC works as DC CIVAC: step 1 is what makes that harmless.)
 * The simplest way to be right is to write almost nothing: here `boot_state`, and one entry of the page table, for
 * the gigabyte in which we run, since boards have their RAM in different places. The rest of that table is constant
 * data of the image (1 GiB blocks, VA == PA), which the loader must have cleaned to the point of
 * coherency; bss, stack and relocations are written after the caches are on.
 * Hosts with FEAT_S2FWB make all this unnecessary for their guests; correct code cannot count on it.
 *
 * Deliberately absent: entry at EL2 or EL3, big-endian, more than 39 address bits, RAM in the first gigabyte, an
 * image across the border of two.
 */
#define BOOT_STATE_SIZE (8 * 42)   /* struct boot_state, arch.h */

/* MAIR_EL1 attribute indices used by the table below. */
#define MAIR_VALUE   (0x00 << 0 | 0xff << 8)   /* 0: device nGnRnE; 1: normal, write-back, allocate */
#define BLOCK        (1 << 0)
#define TABLE_ATTR(i) ((i) << 2)
#define INNER_SHARED (3 << 8)
#define ACCESSED     (1 << 10)
#define XN           (3 << 53)                 /* PXN and UXN: nothing is fetched from devices */
#define DEVICE_BLOCK (BLOCK | TABLE_ATTR(0) | ACCESSED | XN)
#define NORMAL_BLOCK (BLOCK | TABLE_ATTR(1) | ACCESSED | INNER_SHARED)

/* TCR_EL1: 39 bits through TTBR0 (T0SZ = 25), walks cacheable and inner shareable, 4 KiB granule, no TTBR1. */
#define TCR_VALUE    (25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23)
/* SCTLR_EL1 is written whole, never modified: what it held before is not ours to trust. RES1 bits, M, C, I. */
#define SCTLR_VALUE  (0x30d00800 | 1 << 0 | 1 << 2 | 1 << 12)

.macro load_constant reg, value
  movz \reg, #((\value) & 0xffff)
  movk \reg, #(((\value) >> 16) & 0xffff), lsl #16
.endm

/* Runs `op` on every data cache line of [x10, x11). Clobbers x10, x12, x13. */
.macro for_each_line op
  mrs  x12, ctr_el0
  ubfx x12, x12, #16, #4        /* DminLine: log2 of the words in the smallest line */
  mov  x13, #4
  lsl  x12, x13, x12
  sub  x13, x12, #1
  bic  x10, x10, x13
1:dc   \op, x10
  add  x10, x10, x12
  cmp  x10, x11
  b.lo 1b
  dsb  sy
.endm

/* The 64-byte header of a Linux Image; an ELF loader simply starts at the branch. */
.section .head.0, "ax"
.global _start
_start:
  b    entry
  .long 0
  .quad 0                       /* text_offset: anywhere, as long as it is 2 MiB aligned */
                                /* link.ld puts the size here, with bss and stacks: nothing else may lie there */
.section .head.1, "ax"
  .quad 1 << 1 | 1 << 3         /* flags: little-endian, 4 KiB pages, may be placed anywhere in RAM */
  .quad 0, 0, 0
                                /* link.ld puts "ARM\x64" here, or 0 in the flat binary */
.section .head, "ax"
entry:
  .weak before_entry            /* a sample's own beginning; the next instruction where there is none */
  b    before_entry
  /* Save the machine as we found it. The registers needed for that wait in system registers which hold
   * nothing of interest at boot. */
  msr  tpidr_el1, x30
  msr  tpidr_el0, x10
  msr  tpidrro_el0, x11
  msr  elr_el1, x12
  msr  far_el1, x13
  adrp x30, boot_state
  add  x30, x30, :lo12:boot_state
  mov  x10, x30
  add  x11, x30, #BOOT_STATE_SIZE
  for_each_line civac           /* step 1 */
  mrs  x10, tpidr_el0
  mrs  x11, tpidrro_el0
  mrs  x12, elr_el1
  mrs  x13, far_el1

  stp  x0, x1, [x30, #8 * 0]    /* step 2 */
  stp  x2, x3, [x30, #8 * 2]
  stp  x4, x5, [x30, #8 * 4]
  stp  x6, x7, [x30, #8 * 6]
  stp  x8, x9, [x30, #8 * 8]
  stp  x10, x11, [x30, #8 * 10]
  stp  x12, x13, [x30, #8 * 12]
  stp  x14, x15, [x30, #8 * 14]
  stp  x16, x17, [x30, #8 * 16]
  stp  x18, x19, [x30, #8 * 18]
  stp  x20, x21, [x30, #8 * 20]
  stp  x22, x23, [x30, #8 * 22]
  stp  x24, x25, [x30, #8 * 24]
  stp  x26, x27, [x30, #8 * 26]
  stp  x28, x29, [x30, #8 * 28]
  mrs  x0, tpidr_el1
  mov  x1, sp
  stp  x0, x1, [x30, #8 * 30]   /* x30, sp */
  adr  x0, _start
  mrs  x1, CurrentEL
  stp  x0, x1, [x30, #8 * 32]
  mrs  x0, SPSel
  mrs  x1, DAIF
  stp  x0, x1, [x30, #8 * 34]
  mrs  x0, sctlr_el1
  mrs  x1, cpacr_el1
  stp  x0, x1, [x30, #8 * 36]
  mrs  x0, cntfrq_el0
  mrs  x1, mpidr_el1
  stp  x0, x1, [x30, #8 * 38]
  mrs  x0, cntv_ctl_el0
  str  x0, [x30, #8 * 40]
  dmb  sy

  mov  x10, x30
  add  x11, x30, #BOOT_STATE_SIZE
  for_each_line ivac            /* step 3 */

  /* The same for the page table's entry. */
  adr  x0, _start
  lsr  x0, x0, #30
  adrp x1, page_table
  add  x1, x1, x0, lsl #3
  mov  x10, x1
  add  x11, x1, #8
  for_each_line civac
  lsl  x0, x0, #30
  load_constant x2, NORMAL_BLOCK
  orr  x0, x0, x2
  str  x0, [x1]
  dmb  sy
  mov  x10, x1
  add  x11, x1, #8
  for_each_line ivac

  bl   mmu_on

  /* From here on memory is what one expects it to be. The Image and the flat binary are linked at 0 and
   * may lie anywhere: add the address we run at to every pointer in initialised data (Elf64_Rela). */
  adrp x0, image_start
  adrp x1, relocations_start
  add  x1, x1, :lo12:relocations_start
  adrp x2, relocations_end
  add  x2, x2, :lo12:relocations_end
1:cmp  x1, x2
  b.hs 2f
  ldp  x3, x4, [x1]             /* where, type */
  ldr  x5, [x1, #16]            /* addend */
  add  x1, x1, #24
  cmp  w4, #1027                /* R_AARCH64_RELATIVE, the only kind in a static PIE */
  b.ne 1b
  add  x5, x5, x0
  str  x5, [x0, x3]
  b    1b

2:adrp x0, bss_start
  add  x0, x0, :lo12:bss_start
  adrp x1, bss_end
  add  x1, x1, :lo12:bss_end
3:cmp  x0, x1
  b.hs 4f
  stp  xzr, xzr, [x0], #16
  b    3b

4:mov  x0, #0
  bl   cpu_setup
  bl   arch_start
  b    .

/* Other CPUs come here from PSCI CPU_ON with MMU and caches off and x0 = the CPU's index. Until the MMU is on
 * nothing may be loaded that another CPU has written: it may still be in that CPU's cache, which we bypass.
 * The index therefore travels in a register. The page table is read by the walker, and that goes through the
 * cache (TCR_EL1.IRGN0/ORGN0/SH0), so entries added by C code are seen. */
.global secondary_entry
secondary_entry:
  mov  x19, x0
  bl   mmu_on
  mov  x0, x19
  bl   cpu_setup
  mov  x0, x19
  bl   secondary_start
  b    .

/* x0 = index of this CPU: its stack, its number, its exception vectors. */
cpu_setup:
  adrp x1, stacks
  add  x2, x0, #1
  add  x1, x1, x2, lsl #14      /* STACK_SIZE = 1 << 14 */
  mov  sp, x1
  msr  tpidr_el1, x0
  adrp x1, vectors
  add  x1, x1, :lo12:vectors
  msr  vbar_el1, x1
  isb
  ret

mmu_on:
  load_constant x0, MAIR_VALUE
  msr  mair_el1, x0
  load_constant x0, TCR_VALUE
  mrs  x1, id_aa64mmfr0_el1     /* PARange: as many physical address bits as the CPU has, */
  and  x1, x1, #15
  mov  x2, #5                   /* but no more than 48 */
  cmp  x1, x2
  csel x1, x1, x2, lo
  bfi  x0, x1, #32, #3
  msr  tcr_el1, x0
  adrp x0, page_table
  msr  ttbr0_el1, x0
  isb                           /* the above is in force before translations and caches are thrown away */
  tlbi vmalle1
  ic   iallu
  dsb  nsh
  isb
  load_constant x0, SCTLR_VALUE
  msr  sctlr_el1, x0
  isb                           /* the next instruction is fetched through the MMU */
  ret

/* Level 1, 512 entries of 1 GiB. The first gigabyte is devices; the one in which we run is added above, and the rest
 * of RAM by map_ram() once the device tree has been read. */
.section .page_tables, "aw"
.balign 4096
.global page_table
page_table:
  .quad 0x00000000 + DEVICE_BLOCK
  .fill 511, 8, 0

/* Not in bss, which is zeroed after this is written. Alone in its cache lines (at most 2 KiB long each). */
.section .data
.balign 2048
.global boot_state
boot_state:
  .fill BOOT_STATE_SIZE
.balign 2048

.section .stacks, "aw", %nobits
stacks:
  .skip 8 << 14                 /* MAX_CPUS * STACK_SIZE */

.section .note.GNU-stack, "", %progbits
