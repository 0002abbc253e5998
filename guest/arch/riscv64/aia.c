/* aia.c: RISC-V Advanced Interrupt Architecture 1.0: wired interrupts become messages in the APLIC (chapter 4) and
 * arrive in the hart's IMSIC (chapter 3), which is read and written through indirect CSRs.
 *
 * Identity n in the IMSIC stands for source n of the APLIC. Deliberately absent: APLIC direct delivery, guest files.
 */
#include "arch.h"
#include "fdt.h"
#include "runtime.h"

/* CSRs by number: this assembler is older than their names. */
#define SISELECT "0x150"
#define SIREG "0x151"
#define STOPEI "0x15c"

enum { EIDELIVERY = 0x70, EITHRESHOLD = 0x72, EIE0 = 0xc0, S_EXTERNAL = 9 };
enum { DOMAINCFG = 0x0000, SOURCECFG = 0x0000, SETIPNUM_LE = 0x2000, SETIENUM = 0x1edc, TARGET = 0x3000 };
enum { LEVEL_HIGH = 6, DOMAIN_ENABLE = 1 << 8, DOMAIN_MSI = 1 << 2 };

static u64 aplic;

static void imsic_write(u64 reg, u64 value) {
  __asm__ volatile("csrw " SISELECT ", %0\n csrw " SIREG ", %1" :: "r"(reg), "r"(value) : "memory");
}
static u64 imsic_read(u64 reg) {
  u64 value;
  __asm__ volatile("csrw " SISELECT ", %1\n csrr %0, " SIREG : "=r"(value) : "r"(reg) : "memory");
  return value;
}

/* The supervisor's IMSIC delivers interrupt 9; the machine level's, where one is visible, delivers 11. */
static u32 supervisor_imsic(void) {
  for (struct fdt_node n = {0}; fdt_find(&n, "riscv,imsics");)
    if (fdt_cell(&n, "interrupts-extended", 1, 0) == S_EXTERNAL) return fdt_cell(&n, "phandle", 0, 0);
  return 0;
}

bool aia_init(void) {
  u32 imsic = supervisor_imsic();
  struct range reg;
  if (!imsic) return false;
  for (struct fdt_node n = {0}; !aplic && fdt_find(&n, "riscv,aplic");)
    if (fdt_cell(&n, "msi-parent", 0, 0) == imsic && fdt_reg(&n, 0, &reg)) aplic = reg.base;
  if (!aplic) return false;
  imsic_write(EITHRESHOLD, 0);
  imsic_write(EIDELIVERY, 1);
  mmio_write32(aplic + DOMAINCFG, DOMAIN_ENABLE | DOMAIN_MSI);
  return true;
}

/* Hart index 0 in the APLIC is the first hart of the IMSIC's list: the boot CPU on these machines. */
void aia_connect(u32 source) {
  u64 eie = EIE0 + source / 64 * 2;
  imsic_write(eie, imsic_read(eie) | 1ul << source % 64);
  mmio_write32(aplic + SOURCECFG + 4 * source, LEVEL_HIGH);
  mmio_write32(aplic + TARGET + 4 * source, source);
  mmio_write32(aplic + SETIENUM, source);
}

u32 aia_claim(void) {
  u64 top;
  __asm__ volatile("csrrw %0, " STOPEI ", zero" : "=r"(top) :: "memory");
  return (u32)(top >> 16) & 0x7ff;
}

/* A level that is still high sends no second message by itself (AIA 4.9.2): ask for one. */
void aia_complete(u32 source) { mmio_write32(aplic + SETIPNUM_LE, source); }
