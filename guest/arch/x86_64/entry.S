/* entry.S: the first instructions on x86_64. Three doors, one room:
 *
 *  - 64-bit: an ELF64 without PVH note at its entry point, a flat binary at its first byte. State: Linux
 *    Documentation/arch/x86/boot.rst, "64-bit boot protocol": rsi = boot_params, our memory mapped 1:1.
 *  - PVH: an ELF with the note below is entered in 32-bit protected mode without paging, ebx = hvm_start_info
 *    (xen/include/public/arch-x86/hvm/start_info.h). QEMU, Firecracker and cloud-hypervisor know it.
 *  - another CPU: real mode, from STARTUP (SIPI), through `trampoline`, which smp.c copies below 1 MiB.
 *
 * Built with -mgeneral-regs-only; nothing here uses SSE, x87, POPCNT, CMPXCHG16B or INT3, which some
 * hypervisors' instruction emulators lack. There is no cache maintenance: x86 caches are coherent and on.
 * Deliberately absent: the 16- and 32-bit Linux protocols, multiboot, five-level paging.
 */
#define CODE64 0x10   /* selectors: those that the Linux protocol asks for */
#define DATA   0x18
#define CODE32 0x20

#define CR0_PE   (1 << 0)
#define CR0_PG   (1 << 31)
#define CR4_PAE  (1 << 5)
#define EFER     0xc0000080
#define EFER_LME (1 << 8)

#define BS(n) boot_state + 8 * (n)   /* struct boot_state, arch.h */

.section .head.0, "ax"
.code64
.global _start
_start:
  jmp  entry64
  .balign 16
/* link.ld puts 8 bytes here and 8 after the next section: an Image header of other architectures, nothing here. */
.section .head.1, "ax"
  .fill 32

.section .head, "ax"
entry64:
  /* Save the machine as we found it. MOV changes no flags, and rip-relative addresses need no register. */
  mov  %rax, BS(0)(%rip)
  mov  %rbx, BS(1)(%rip)
  mov  %rcx, BS(2)(%rip)
  mov  %rdx, BS(3)(%rip)
  mov  %rsi, BS(4)(%rip)
  mov  %rdi, BS(5)(%rip)
  mov  %rbp, BS(6)(%rip)
  mov  %rsp, BS(7)(%rip)
  mov  %r8, BS(8)(%rip)
  mov  %r9, BS(9)(%rip)
  mov  %r10, BS(10)(%rip)
  mov  %r11, BS(11)(%rip)
  mov  %r12, BS(12)(%rip)
  mov  %r13, BS(13)(%rip)
  mov  %r14, BS(14)(%rip)
  mov  %r15, BS(15)(%rip)
  mov  $stacks + 16384, %esp
  pushfq
  pop  BS(16)(%rip)
  cli
  cld
  mov  %cr0, %rax
  mov  %rax, BS(17)(%rip)
  mov  %cr3, %rax
  mov  %rax, BS(18)(%rip)
  mov  %cr4, %rax
  mov  %rax, BS(19)(%rip)
  mov  $EFER, %ecx
  rdmsr
  mov  %eax, BS(20)(%rip)
  mov  %cs, BS(21)(%rip)
  mov  %ds, BS(22)(%rip)
  mov  %es, BS(23)(%rip)
  mov  %ss, BS(24)(%rip)
  mov  %fs, BS(25)(%rip)
  mov  %gs, BS(26)(%rip)
  str  BS(27)(%rip)
  sgdt 6 + BS(28)(%rip)         /* 2 bytes of limit just before the 8 of gdt_base */
  mov  6 + BS(28)(%rip), %ax
  movzwl %ax, %eax
  mov  %rax, BS(28)(%rip)

  /* The monitor's page tables and GDT lie in memory that is not ours: use our own from here on. */
  mov  $page_table, %eax
  mov  %rax, %cr3
  lgdt gdt_pointer(%rip)
  mov  $DATA, %eax
  mov  %eax, %ds
  mov  %eax, %es
  mov  %eax, %ss
  pushq $CODE64
  pushq $room
  lretq

/* Every CPU's state is now the same: 64-bit mode, our GDT and page tables, interrupts off. */
room:
  xor  %eax, %eax
  mov  $bss_start, %edi
  mov  $bss_end, %ecx
  sub  %edi, %ecx
  rep stosb
  call arch_start

/* --- PVH ------------------------------------------------------------------------------------- */

.code32
.global pvh_entry
pvh_entry:
  mov  %eax, BS(0)
  mov  %ebx, BS(1)
  mov  %ecx, BS(2)
  mov  %edx, BS(3)
  mov  %esi, BS(4)
  mov  %edi, BS(5)
  mov  %ebp, BS(6)
  mov  %esp, BS(7)
  mov  $stacks + 16384, %esp
  pushf
  pop  BS(16)
  cli
  cld
  mov  %cr0, %eax
  mov  %eax, BS(17)
  mov  %cr3, %eax
  mov  %eax, BS(18)
  mov  %cr4, %eax
  mov  %eax, BS(19)
  mov  $EFER, %ecx
  rdmsr
  mov  %eax, BS(20)
  mov  %cs, BS(21)
  mov  %ds, BS(22)
  mov  %es, BS(23)
  mov  %ss, BS(24)
  mov  %fs, BS(25)
  mov  %gs, BS(26)
  str  BS(27)
  movl $1, BS(30)
  push $room
  /* fall through */

/* Protected mode without paging to 64-bit mode, then to the address on the stack. AMD64 volume 2, 14.8. */
long_mode:
  lgdt gdt_pointer
  mov  $CR4_PAE, %eax
  mov  %eax, %cr4
  mov  $page_table, %eax
  mov  %eax, %cr3
  mov  $EFER, %ecx
  xor  %edx, %edx
  mov  $EFER_LME, %eax
  wrmsr
  mov  $CR0_PG | CR0_PE, %eax   /* also clears CD and NW: caches on */
  mov  %eax, %cr0
  ljmp $CODE64, $1f
.code64
1:mov  $DATA, %eax
  mov  %eax, %ds
  mov  %eax, %es
  mov  %eax, %ss
  mov  (%rsp), %eax             /* pushed as 4 bytes */
  add  $4, %rsp
  jmp  *%rax

/* --- other CPUs ---------------------------------------------------------------------------------- */

/* Real mode, cs = page of the copy << 8, ip = 0. Only offsets from the copy's start are used until long_mode. */
.code16
.global trampoline, trampoline_end
trampoline:
  cli
  mov  %cs, %ax
  mov  %ax, %ds
  lgdtl trampoline_gdt - trampoline
  mov  $CR0_PE, %eax
  mov  %eax, %cr0
  ljmpl $CODE32, $secondary32
trampoline_gdt:
  .word gdt_end - gdt - 1
  .long gdt
trampoline_end:

.code32
secondary32:
  mov  $DATA, %eax
  mov  %eax, %ds
  mov  %eax, %es
  mov  %eax, %ss
  mov  secondary_stack, %esp
  push $secondary_room
  jmp  long_mode

.code64
secondary_room:
  call secondary_start
1:hlt
  jmp  1b

/* --- tables ---------------------------------------------------------------------------------------- */

.section .data
.balign 16
gdt:
  .quad 0
  .quad 0
  .quad 0x00af9b000000ffff      /* 0x10: 64-bit code, accessed */
  .quad 0x00cf93000000ffff      /* 0x18: data, accessed */
  .quad 0x00cf9b000000ffff      /* 0x20: 32-bit code, accessed */
gdt_end:
gdt_pointer:
  .word gdt_end - gdt - 1
  .quad gdt

.balign 8
.global boot_state
boot_state:
  .fill 8 * 31

/* The first 4 GiB 1:1 in pages of 2 MiB, as constants: filling them in at run time would cost 8,000 instructions.
 * The last GiB is devices: PCD and PWT set. map_device() adds pages of 1 GiB above. */
#define PRESENT_WRITE 3
#define LARGE (1 << 7)
#define UNCACHED (1 << 4 | 1 << 3)
.section .page_tables, "aw"
.balign 4096
.global page_directory_pointers
page_table:
  .quad page_directory_pointers + PRESENT_WRITE
  .fill 511, 8, 0
page_directory_pointers:
  .quad page_directories + 0x0000 + PRESENT_WRITE
  .quad page_directories + 0x1000 + PRESENT_WRITE
  .quad page_directories + 0x2000 + PRESENT_WRITE
  .quad page_directories + 0x3000 + PRESENT_WRITE
  .fill 508, 8, 0
page_directories:
  .set address, 0
  .rept 3 * 512
  .quad address + PRESENT_WRITE + LARGE
  .set address, address + 0x200000
  .endr
  .rept 512
  .quad address + PRESENT_WRITE + LARGE + UNCACHED
  .set address, address + 0x200000
  .endr

/* XEN_ELFNOTE_PHYS32_ENTRY (18): the 32-bit entry point. With type 0 (Makefile: NAME.elf64) it is no such note. */
.section .note.Xen, "a", @note
.balign 4
  .long 4, 4
  .long image_magic
  .asciz "Xen"
  .long pvh_entry

.section .stacks, "aw", @nobits
.global stacks
stacks:
  .skip 8 << 14                 /* MAX_CPUS * STACK_SIZE */

.section .note.GNU-stack, "", @progbits
