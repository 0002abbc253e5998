/* contract.h: what contract.c offers contract_<architecture>.c. */
#ifndef CONTRACT_H
#define CONTRACT_H

#include "arch.h"
#include "fdt.h"
#include "runtime.h"

enum image_kind { KIND_ELF, KIND_IMAGE, KIND_FLAT };
enum image_kind image_kind(void);   /* as what this program was loaded */

void check_true(const char *name, bool good);
void check_equal(const char *name, u64 expected, u64 got);
/* Bits of `got` under `mask` must be `expected`. */
void check_bits(const char *name, u64 mask, u64 expected, u64 got);
void check_registers_zero(const char *name, const u64 *values, int first, int last);

/* What is promised of a board (docs/boot-contract.md, "Boards"), which the tree's root names as its model. */
struct board {
  const char *model, *uart;   /* the UART's `compatible` */
  u64 ram_base, uart_base, finisher;
};
/* Of `count`; where the tree has none of their models, a board of ours as the tree describes it, else the first (QEMU's). */
const struct board *this_board(const struct board *boards, int count);
void check_devices(const struct board *board);

void check_architecture(void);                  /* contract_<architecture>.c */
void check_device_tree(u64 address, u64 ram_base);   /* of aarch64 and riscv64 */
void check_initrd(u64 start, u64 end);

#endif
