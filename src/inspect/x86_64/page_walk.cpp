#include "inspect/x86_64/page_walk.h"

#include "base/endian.h"
#include "base/text.h"

namespace pv::inspect::x86_64 {
namespace {

constexpr u64 cr0_pg = 1ull << 31, cr4_pse = 1 << 4, cr4_pae = 1 << 5, cr4_la57 = 1 << 12;
constexpr u64 efer_lma = 1 << 10, efer_nxe = 1 << 11;
// An entry's bits.
constexpr u64 P = 1, RW = 1 << 1, US = 1 << 2, PCD = 1 << 4, PS = 1 << 7, XD = 1ull << 63;
constexpr u64 wide_base = 0x000f'ffff'ffff'f000;

// A paging mode: levels, and how each is indexed.
struct Mode {
  unsigned levels;
  unsigned index_bits;  // of all levels but PAE's first, which has 2
  unsigned entry_size;
  bool pae32;
  bool large_pages;
};

Result<Mode> mode_of(const TranslationRegisters& r) {
  if ((r.efer & efer_lma) != 0) {
    if ((r.cr4 & cr4_pae) == 0)
      return fail(Error::Kind::image, "long mode without CR4.PAE: no CPU can be in that state");
    return Mode{(r.cr4 & cr4_la57) != 0 ? 5u : 4u, 9, 8, false, true};
  }
  if ((r.cr4 & cr4_pae) != 0) return Mode{3, 9, 8, true, true};
  return Mode{2, 10, 4, false, (r.cr4 & cr4_pse) != 0};
}

}  // namespace

Result<Translation> Walk::translate(u64 address, Steps* steps) const {
  if ((registers_.cr0 & cr0_pg) == 0)
    return Translation{address, 0, {true, true, true}, {true, true, true}, false};
  const Mode mode = TRY(mode_of(registers_));
  if (mode.levels >= 4) {
    unsigned bits = 12 + 9 * mode.levels;
    if (static_cast<u64>(static_cast<i64>(address << (64 - bits)) >> (64 - bits)) != address)
      return fail(Error::Kind::image, text("{:#x} is not a canonical address", address));
  } else {
    address &= 0xffff'ffff;
  }
  u64 table = registers_.cr3 & (mode.pae32         ? 0xffff'ffe0
                                : mode.levels == 2 ? 0xffff'f000
                                                   : wide_base);
  Rights rights{true, true, true};
  bool user = true;
  for (unsigned level = mode.levels; level >= 1; --level) {
    unsigned shift = 12 + (level - 1) * mode.index_bits;
    u64 at = table + (address >> shift & ((1u << mode.index_bits) - 1)) * mode.entry_size;
    Le64 stored;  // the upper half stays zero for an entry of 4 bytes
    if (!read_(at, {reinterpret_cast<u8*>(&stored), mode.entry_size}))
      return fail(Error::Kind::image,
                  text("{:#x} is not mapped: the table of level {} is at {:#x}, outside RAM",
                       address, level, at));
    u64 entry = stored;
    if (steps != nullptr) steps->add({static_cast<int>(level), at, entry});
    if ((entry & P) == 0)
      return fail(Error::Kind::image, text("{:#x} is not mapped: at level {}: not present (entry "
                                           "{:#x})",
                                           address, level, entry));
    u64 base = entry & (mode.entry_size == 8 ? wide_base : 0xffff'f000);
    if (mode.pae32 && level == 3) {  // no rights in PAE's first level
      table = base;
      continue;
    }
    if ((entry & RW) == 0) rights.write = false;
    if ((entry & US) == 0) user = false;
    if (mode.entry_size == 8 && (registers_.efer & efer_nxe) != 0 && (entry & XD) != 0)
      rights.execute = false;
    bool large = level > 1 && level <= 3 && (entry & PS) != 0 && mode.large_pages;
    if (level > 1 && !large) {
      table = base;
      continue;
    }
    u64 size = 1ull << shift;
    return Translation{(base & ~(size - 1)) | (address & (size - 1)), size, rights,
                       user ? rights : Rights{}, (entry & PCD) != 0};
  }
  return fail(Error::Kind::image, text("{:#x} is not mapped", address));  // not reached
}

}  // namespace pv::inspect::x86_64
