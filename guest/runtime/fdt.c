/* fdt.c: see fdt.h. Devicetree Specification v0.4, section 5: header, reservations, structure block. */
#include "fdt.h"

enum { FDT_BEGIN_NODE = 1, FDT_END_NODE = 2, FDT_PROP = 3, FDT_NOP = 4 };

struct header {   /* all big-endian */
  u32 magic, totalsize, off_dt_struct, off_dt_strings, off_mem_rsvmap, version;
};

const void *fdt;

static u32 be32(const void *p) {
  const u8 *b = p;
  return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}

static u64 be_cells(const void *p, u32 cells) {
  u64 value = 0;
  for (u32 i = 0; i < cells; i++) value = value << 32 | be32((const u8 *)p + 4 * i);
  return value;
}

bool fdt_valid(const void *blob) { return blob && ((u64)blob & 7) == 0 && be32(blob) == 0xd00dfeed; }
u32 fdt_size(const void *blob) { return be32((const u8 *)blob + offsetof(struct header, totalsize)); }

static const u8 *block(size_t header_field) { return (const u8 *)fdt + be32((const u8 *)fdt + header_field); }

/* Returns the byte after the property at `p`, which points at its FDT_PROP token. */
static const u8 *after_property(const u8 *p) { return p + 12 + ((be32(p + 4) + 3) & ~3u); }

/* How far children's addresses are from the root's, if `node` is a bus that says so. */
static u64 bus_offset(const struct fdt_node *node, u32 child_cells) {
  u32 length;
  const u8 *p = fdt_property(node, "ranges", &length);
  if (!p || child_cells > 2 || length < 4 * (child_cells + node->address_cells)) return node->offset;
  return node->offset + be_cells(p + 4 * child_cells, node->address_cells) - be_cells(p, child_cells);
}

bool fdt_next(struct fdt_node *node) {
  if (!fdt) return false;
  const u8 *p = node->name ? node->body : block(offsetof(struct header, off_dt_struct));
  for (;;) {
    u32 token = be32(p);
    if (token == FDT_PROP) {
      p = after_property(p);
    } else if (token == FDT_NOP) {
      p += 4;
    } else if (token == FDT_END_NODE) {
      p += 4;
      node->depth--;
    } else if (token == FDT_BEGIN_NODE) {
      break;
    } else {
      node->name = NULL;
      return false;
    }
  }
  node->name = (const char *)p + 4;
  node->body = p + 4 + ((strlen(node->name) + 1 + 3) & ~3ul);
  node->depth++;
  int depth = node->depth < FDT_DEPTH ? node->depth : FDT_DEPTH - 1;
  node->address_cells = node->cells[depth - 1][0];
  node->size_cells = node->cells[depth - 1][1];
  node->offset = node->offsets[depth - 1];
  node->cells[depth][0] = fdt_cell(node, "#address-cells", 0, 2);
  node->cells[depth][1] = fdt_cell(node, "#size-cells", 0, 1);
  node->offsets[depth] = bus_offset(node, node->cells[depth][0]);
  return true;
}

const void *fdt_property(const struct fdt_node *node, const char *name, u32 *length) {
  const char *strings = (const char *)block(offsetof(struct header, off_dt_strings));
  for (const u8 *p = node->body;;) {
    u32 token = be32(p);
    if (token == FDT_NOP) {
      p += 4;
    } else if (token == FDT_PROP) {
      if (strcmp(strings + be32(p + 8), name) == 0) {
        if (length) *length = be32(p + 4);
        return p + 12;
      }
      p = after_property(p);
    } else {
      return NULL;   /* properties come before child nodes */
    }
  }
}

const char *fdt_string(const struct fdt_node *node, const char *name) { return fdt_property(node, name, NULL); }

u32 fdt_cell(const struct fdt_node *node, const char *name, u32 index, u32 fallback) {
  u32 length;
  const u8 *p = fdt_property(node, name, &length);
  return p && 4 * index + 4 <= length ? be32(p + 4 * index) : fallback;
}

u64 fdt_number(const struct fdt_node *node, const char *name, u64 fallback) {
  u32 length;
  const void *p = fdt_property(node, name, &length);
  return p && (length == 4 || length == 8) ? be_cells(p, length / 4) : fallback;
}

bool fdt_compatible(const struct fdt_node *node, const char *what) {
  u32 length;
  const char *list = fdt_property(node, "compatible", &length);
  if (!list) return false;
  for (const char *end = list + length; list < end; list += strlen(list) + 1)
    if (strcmp(list, what) == 0) return true;
  return false;
}

bool fdt_find(struct fdt_node *node, const char *what) {
  while (fdt_next(node)) {
    const char *status = fdt_string(node, "status");
    bool enabled = !status || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
    if (enabled && fdt_compatible(node, what)) return true;
  }
  return false;
}

/* "memory@40000000" answers to "memory". */
static bool named(const char *name, const char *wanted) {
  size_t n = strlen(wanted);
  return strncmp(name, wanted, n) == 0 && (name[n] == 0 || name[n] == '@');
}

bool fdt_path(struct fdt_node *node, const char *a, const char *b) {
  memset(node, 0, sizeof *node);
  bool inside = false;
  while (fdt_next(node)) {
    if (node->depth == 2) inside = named(node->name, a);
    if (inside && node->depth == 2 && !b) return true;
    if (inside && node->depth == 3 && b && named(node->name, b)) return true;
  }
  return false;
}

bool fdt_reg(const struct fdt_node *node, u32 index, struct range *out) {
  u32 length, entry = 4 * (node->address_cells + node->size_cells);
  const u8 *p = fdt_property(node, "reg", &length);
  if (!p || entry == 0 || (index + 1) * entry > length) return false;
  out->base = be_cells(p + index * entry, node->address_cells) + node->offset;
  out->size = be_cells(p + index * entry + 4 * node->address_cells, node->size_cells);
  return true;
}

bool fdt_reservation(u32 index, struct range *out) {
  if (!fdt) return false;
  const u8 *p = block(offsetof(struct header, off_mem_rsvmap)) + 16 * index;
  out->base = be_cells(p, 2);
  out->size = be_cells(p + 8, 2);
  return out->base || out->size;
}
