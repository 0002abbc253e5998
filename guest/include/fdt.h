/* fdt.h: a reader of flattened device trees in about 150 lines.
 *
 * Specification: Devicetree Specification v0.4, chapter 5 (the blob), 2.3 (standard properties).
 * It walks nodes in order and looks properties up in place; nothing is copied or allocated.
 * `reg` is translated to the root's addresses by the first entry of each bus's `ranges`: these machines' buses
 * have one (or none: 1:1). Deliberately absent: writing, phandle resolution, PCI's three-cell addresses.
 */
#ifndef FDT_H
#define FDT_H

#include "guest.h"

enum { FDT_DEPTH = 8 };

struct fdt_node {
  const char *name;        /* "pl011@9000000"; "" for the root; NULL before the first node and after the last */
  const u8 *body;          /* first token after the name */
  int depth;               /* 1 for the root */
  u32 address_cells;       /* of the parent: how this node's `reg` is to be read */
  u32 size_cells;
  u32 cells[FDT_DEPTH][2]; /* what each open level says about its children */
  u64 offset;              /* of the parent: what turns an address in `reg` into one of the root */
  u64 offsets[FDT_DEPTH];  /* the same for each open level's children */
};

/* The tree all functions below work on; NULL if the machine has none. */
extern const void *fdt;

bool fdt_valid(const void *blob);
u32 fdt_size(const void *blob);
/* Steps to the next node in document order. Start from a zeroed fdt_node; false at the end. */
bool fdt_next(struct fdt_node *node);
/* A property's bytes (big-endian), or NULL. */
const void *fdt_property(const struct fdt_node *node, const char *name, u32 *length);
const char *fdt_string(const struct fdt_node *node, const char *name);
/* The `index`th 32-bit cell of a property, else `fallback`. */
u32 fdt_cell(const struct fdt_node *node, const char *name, u32 index, u32 fallback);
/* A property of one or two cells as a number, else `fallback`. */
u64 fdt_number(const struct fdt_node *node, const char *name, u64 fallback);
bool fdt_compatible(const struct fdt_node *node, const char *what);
/* The next node at or after *node (zeroed: from the start) that is compatible with `what` and not disabled. */
bool fdt_find(struct fdt_node *node, const char *what);
/* The first node whose path is /a or /a/b; pass b = NULL for /a. */
bool fdt_path(struct fdt_node *node, const char *a, const char *b);
/* Entry `index` of `reg`. */
bool fdt_reg(const struct fdt_node *node, u32 index, struct range *out);
/* Entry `index` of the memory reservation block; false after the last. */
bool fdt_reservation(u32 index, struct range *out);

#endif
