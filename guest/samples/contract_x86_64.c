/* contract_x86_64.c: the items of docs/boot-contract.md that are x86_64's own: the 64-bit Linux protocol, or PVH. */
#include "contract.h"

enum { CR0_PE = 1, CR0_ET = 1 << 4, CR4_PAE = 1 << 5, EFER_LME = 1 << 8, EFER_LMA = 1 << 10, FLAG_TF = 1 << 8, FLAG_IF = 1 << 9, FLAG_VM = 1 << 17 };
#define CR0_PG (1ul << 31)
#define FOUR_GIB (1ul << 32)

/* Walks the page tables that the monitor left (their memory is still untouched). ~0 if not mapped. */
static u64 translate(u64 virtual) {
  u64 table = boot_state.cr3;
  for (int shift = 39; shift >= 12; shift -= 9) {
    u64 entry = ((const u64 *)(table & 0xffffffffff000))[virtual >> shift & 511];
    if (!(entry & 1)) return ~0ul;
    u64 offset = virtual & ((1ul << shift) - 1);
    if (shift == 12 || (entry & 1 << 7 && shift <= 30)) return (entry & 0xffffffffff000 & ~((1ul << shift) - 1)) | offset;
    table = entry;
  }
  return ~0ul;
}

static void check_identity(void) {
  u64 wrong = 0, first = 0;
  for (u64 a = 0; a < FOUR_GIB; a += 2 << 20)
    if (translate(a) != a && !wrong++) first = a;
  if (wrong) print("# the first address that is not mapped to itself: 0x%lx\n", first);
  check_equal("page tables map 4 GiB 1:1", 0, wrong);
}

/* A descriptor: base and limit as Linux wants them (flat), type and size bits compared under `mask`. */
static void check_descriptor(const char *name, u64 selector, u64 expected) {
  const u64 accessed = 1ul << 40;
  u64 got = selector + 7 <= boot_state.gdt_limit ? *(const u64 *)(boot_state.gdt_base + selector) : 0;
  check_equal(name, expected | accessed, got | accessed);
}

static void check_acpi(void) {
  u64 p = acpi_rsdp();
  for (u64 q = 0xe0000; !p && q < 0x100000; q += 16)
    if (memcmp((const void *)q, "RSD PTR ", 8) == 0) p = q;
  if (!p) return check_true("ACPI root pointer", false);
  u8 sum = 0;
  for (int i = 0; i < 20; i++) sum = (u8)(sum + ((const u8 *)p)[i]);
  check_true("ACPI root pointer: signature", memcmp((const void *)p, "RSD PTR ", 8) == 0);
  check_equal("ACPI root pointer: checksum", 0, sum);
}

static void check_linux_64(void) {
  const u8 *zero_page = (const u8 *)boot_state.rsi;
  u32 magic;
  check_equal("cs = 0x10", 0x10, boot_state.cs);
  check_equal("ds = 0x18", 0x18, boot_state.ds);
  check_equal("es = 0x18", 0x18, boot_state.es);
  check_equal("ss = 0x18", 0x18, boot_state.ss);
  check_descriptor("selector 0x10: flat 64-bit code", 0x10, 0x00af9b000000ffff);
  check_descriptor("selector 0x18: flat data", 0x18, 0x00cf93000000ffff);
  check_bits("interrupts off", FLAG_IF, 0, boot_state.rflags);
  check_bits("CR0: protected mode, paging", CR0_PE | CR0_PG, CR0_PE | CR0_PG, boot_state.cr0);
  check_bits("CR4.PAE", CR4_PAE, CR4_PAE, boot_state.cr4);
  check_bits("EFER: long mode on and active", EFER_LME | EFER_LMA, EFER_LME | EFER_LMA, boot_state.efer);
  check_identity();
  check_registers_zero("rax to rdx are 0", &boot_state.rax, 0, 3);
  check_registers_zero("rdi, rbp are 0", &boot_state.rdi, 0, 1);
  check_registers_zero("r8 to r15 are 0", &boot_state.r8, 0, 7);
  check_bits("rsi = boot_params, page aligned", 0xfff, 0, boot_state.rsi);
  memcpy(&magic, zero_page + 0x202, 4);
  check_equal("boot_params: HdrS", 0x53726448, magic);
  check_equal("boot_params: boot_flag", 0xaa55, zero_page[0x1fe] | (u64)zero_page[0x1ff] << 8);
  check_equal("boot_params: type_of_loader", 0xff, zero_page[0x210]);
  check_true("boot_params: e820 entries", zero_page[0x1e8] != 0);
  check_equal("entry is at 1 MiB", 0x100000, (u64)image_start);
}

static void check_pvh(void) {
  const u32 *info = (const u32 *)boot_state.rbx;
  check_equal("CR0 = PE, ET (no paging)", CR0_PE, boot_state.cr0 & ~(u64)CR0_ET);
  check_equal("CR4 = 0", 0, boot_state.cr4);
  check_bits("EFER.LME = 0", EFER_LME, 0, boot_state.efer);
  check_bits("flags: VM, IF, TF = 0", FLAG_VM | FLAG_IF | FLAG_TF, 0, boot_state.rflags);
  check_equal("ebx = hvm_start_info: magic", 0x336ec578, info[0]);
  check_true("hvm_start_info: version 1 or later", info[1] >= 1);
  check_true("hvm_start_info: memory map", info[10] || info[11]);
}

void check_architecture(void) {
  print("# entered by %s\n", boot_state.pvh ? "PVH" : "the 64-bit Linux protocol");
  if (boot_state.pvh) check_pvh();
  else check_linux_64();
  check_acpi();
}
