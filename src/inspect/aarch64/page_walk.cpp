#include "inspect/aarch64/page_walk.h"

#include <array>

#include "base/endian.h"
#include "base/text.h"

namespace pv::inspect::aarch64 {
namespace {

using Kind = Fault::Kind;

constexpr bool bit(u64 value, unsigned at) { return ((value >> at) & 1) != 0; }
constexpr u64 bits(u64 value, unsigned high, unsigned low) {
  return (value >> low) & ((u64{1} << (high - low + 1)) - 1);
}
// Bits high:low, where they are.
constexpr u64 keep(u64 value, unsigned high, unsigned low) { return bits(value, high, low) << low; }

// One half of the address space: what TCR_EL1 says of TTBR0_EL1 or TTBR1_EL1.
struct Half {
  bool upper = false, disabled = false, ignores_top_byte = false, flat = false;
  unsigned granule = 12;  // log2 of the page
  unsigned size = 48;     // log2 of the half
  unsigned output = 48;   // physical address bits
  bool wide = false;      // 52-bit addresses in tables (LPA, LPA2)
  bool lpa2 = false;      // their form for 4 and 16 KiB (TCR_EL1.DS)
  u64 base = 0;
  int first_level = 0;
  unsigned stride() const { return granule - 3; }
  unsigned shift(int level) const { return granule + stride() * static_cast<unsigned>(3 - level); }
};

// Granules by TG0 and by TG1, which count differently; 0: reserved.
constexpr unsigned lower_granules[] = {12, 16, 14, 0};
constexpr unsigned upper_granules[] = {0, 14, 12, 16};
constexpr unsigned output_bits[] = {32, 36, 40, 42, 44, 48, 52, 52};

// Errors: the size or granule is none; a CPU then faults at level 0 (one of the choices it has).
std::expected<Half, Fault> half_of(const TranslationRegisters& r, bool upper, bool fetch) {
  u64 tcr = r.tcr_el1;
  Half h;
  h.upper = upper;
  h.disabled = bit(tcr, upper ? 23 : 7);
  h.flat = bit(tcr, upper ? 42 : 41);
  bool data_only = bit(tcr, upper ? 52 : 51);  // TBID
  h.ignores_top_byte = bit(tcr, upper ? 38 : 37) && !(fetch && data_only);
  h.granule = upper ? upper_granules[bits(tcr, 31, 30)] : lower_granules[bits(tcr, 15, 14)];
  if (h.granule == 0)
    return std::unexpected(Fault{Kind::translation, 0, 0, "TCR_EL1 has a reserved granule"});
  unsigned unused = static_cast<unsigned>(upper ? bits(tcr, 21, 16) : bits(tcr, 5, 0));
  h.lpa2 = bit(tcr, 59) && h.granule != 16;
  h.output = output_bits[bits(tcr, 34, 32)];
  h.wide = h.lpa2 || (h.granule == 16 && h.output == 52);
  if (!h.wide && h.output > 48) h.output = 48;
  unsigned least = h.lpa2 || h.granule == 16 ? 12 : 16;
  unsigned most = h.granule == 16 ? 47 : 48;
  if (unused < least || unused > most)
    return std::unexpected(Fault{Kind::translation, 0, 0, "TCR_EL1 has an impossible size (TnSZ)"});
  h.size = 64 - unused;
  unsigned resolved = h.size - h.granule;
  h.first_level = 4 - static_cast<int>((resolved + h.stride() - 1) / h.stride());
  u64 ttbr = upper ? r.ttbr1_el1 : r.ttbr0_el1;
  unsigned table_bits = h.size - h.shift(h.first_level) + 3;
  if (h.wide) {
    h.base = keep(ttbr, 47, 6) | bits(ttbr, 5, 2) << 48;
    if (table_bits < 6) table_bits = 6;
  } else {
    h.base = keep(ttbr, 47, 1);
  }
  h.base &= ~((u64{1} << table_bits) - 1);
  return h;
}

// The address in a descriptor, of a table or of what is mapped.
u64 output_of(const Half& h, u64 entry) {
  if (h.lpa2) return keep(entry, 49, h.granule) | bits(entry, 9, 8) << 50;
  u64 address = keep(entry, 47, h.granule);
  return h.wide ? address | bits(entry, 15, 12) << 48 : address;
}

bool block_allowed(const Half& h, int level) {
  switch (h.granule) {
    case 12: return level == 1 || level == 2 || (level == 0 && h.lpa2);
    case 14: return level == 2 || (level == 1 && h.lpa2);
    default: return level == 2 || (level == 1 && h.wide);
  }
}

// What the tables on the way have taken away from all that is below them.
struct Limits {
  bool read_only = false, no_user = false, no_kernel_execute = false, no_user_execute = false;
};

void add_limits(Limits& limits, const Half& h, u64 table) {
  if (h.flat) return;
  limits.read_only |= bit(table, 62);
  limits.no_user |= bit(table, 61);
  limits.no_user_execute |= bit(table, 60);
  limits.no_kernel_execute |= bit(table, 59);
}

void set_rights(Translation& t, const TranslationRegisters& r, const Limits& limits, u64 leaf) {
  bool dirty_managed = bit(r.tcr_el1, 39) && bit(r.tcr_el1, 40) && bit(leaf, 51);
  bool writable = (!bit(leaf, 7) || dirty_managed) && !limits.read_only;
  bool user = bit(leaf, 6) && !limits.no_user;
  bool never_both = bit(r.sctlr_el1, 19);  // WXN
  t.kernel = {true, writable, true};
  t.user = {user, user && writable, true};
  // What EL0 may write is not executed by EL1.
  t.kernel.execute =
      !bit(leaf, 53) && !limits.no_kernel_execute && !t.user.write && !(never_both && writable);
  t.user.execute = !bit(leaf, 54) && !limits.no_user_execute && !(never_both && t.user.write);
  u64 attributes = r.mair_el1 >> (8 * bits(leaf, 4, 2)) & 0xff;
  t.device = (attributes & 0xf0) == 0;
}

// A page or block.
std::expected<Translation, Fault> leaf(const Half& h, const TranslationRegisters& r,
                                       const Limits& limits, u64 address, int level, u64 entry) {
  u64 size = u64{1} << h.shift(level);
  u64 base = output_of(h, entry) & ~(size - 1);
  if ((base >> h.output) != 0)
    return std::unexpected(Fault{Kind::address_size, level, entry, "its address is too large"});
  if (!bit(entry, 10) && !bit(r.tcr_el1, 39))  // AF, HA
    return std::unexpected(Fault{Kind::access_flag, level, entry, "its access flag is clear"});
  Translation t{base | (address & (size - 1)), size, {}, {}, false};
  set_rights(t, r, limits, entry);
  return t;
}

std::expected<Translation, Fault> without_mmu(u64 address) {
  if ((address >> 52) != 0)
    return std::unexpected(
        Fault{Kind::address_size, 0, 0, "translation is off, and no address is so large"});
  return Translation{address, 0, {true, true, true}, {true, true, true}, true};
}

// Bits above the half that count must all equal bit 55.
bool canonical(const Half& h, u64 address) {
  unsigned top = h.ignores_top_byte ? 55 : 63;
  if (h.size > top) return true;
  u64 high = bits(address, top, h.size);
  return high == (h.upper ? (u64{1} << (top - h.size + 1)) - 1 : 0);
}

}  // namespace

TranslationRegisters translation_registers(const hv::RegisterFile& file) {
  return {file.get_or("sctlr_el1", 0), file.get_or("tcr_el1", 0), file.get_or("ttbr0_el1", 0),
          file.get_or("ttbr1_el1", 0), file.get_or("mair_el1", 0)};
}

u32 Fault::status() const {
  u32 at = static_cast<u32>(level < 0 ? 0 : level);
  switch (kind) {
    case Kind::address_size: return level < 0 ? 0x29 : at;
    case Kind::translation: return level < 0 ? 0x2b : 4 + at;
    case Kind::access_flag: return 8 + at;
    case Kind::permission: return 12 + at;
    case Kind::external_on_walk: return level < 0 ? 0x13 : 0x14 + at;
  }
  return 0;
}

std::expected<u64, Fault> Walk::read_entry(int level, u64 place, Steps* steps) const {
  std::array<u8, 8> raw;
  if (!read_(place, raw))
    return std::unexpected(Fault{Kind::external_on_walk, level, 0, "its table is not in RAM"});
  // SCTLR_EL1.EE: the walker reads as EL1's data accesses do.
  bool big_endian = bit(registers_.sctlr_el1, 25);
  u64 entry = big_endian ? u64{load_as<Be64>(raw, 0)} : u64{load_as<Le64>(raw, 0)};
  if (steps != nullptr) steps->add({level, place, entry});
  if (!bit(entry, 0))
    return std::unexpected(Fault{Kind::translation, level, entry, "the entry is invalid"});
  return entry;
}

std::expected<Translation, Fault> Walk::look_up(u64 address, bool fetch, Steps* steps) const {
  bool upper = bit(address, 55);
  if (!bit(registers_.sctlr_el1, 0))
    return without_mmu(bit(registers_.tcr_el1, upper ? 38 : 37) ? keep(address, 55, 0) : address);

  Half h = TRY(half_of(registers_, upper, fetch));
  if (!canonical(h, address))
    return std::unexpected(Fault{Kind::translation, 0, 0, "the address lies between the halves"});
  if (h.disabled)
    return std::unexpected(Fault{Kind::translation, 0, 0, "TCR_EL1 switches this half off (EPD)"});
  Limits limits;
  u64 table = h.base;
  unsigned above = h.size;  // bits of the address that are still to be resolved
  int level = h.first_level;
  for (;; ++level) {
    if ((table >> h.output) != 0)
      return std::unexpected(
          Fault{Kind::address_size, level, 0, "its table's address is too large"});
    unsigned shift = h.shift(level);
    u64 entry = TRY(read_entry(level, table | bits(address, above - 1, shift) << 3, steps));
    if (level == 3 || !bit(entry, 1)) {
      if (level == 3 ? !bit(entry, 1) : !block_allowed(h, level))
        return std::unexpected(
            Fault{Kind::translation, level, entry, "the entry is reserved here"});
      return leaf(h, registers_, limits, address, level, entry);
    }
    add_limits(limits, h, entry);
    table = output_of(h, entry);
    above = shift;
  }
}

Result<Translation> Walk::translate(u64 address, Steps* steps) const {
  auto found = look_up(address, false, steps);
  if (found) return *found;
  const Fault& f = found.error();
  return fail(Error::Kind::image,
              text("{:#x} is not mapped, level {}: {} ({:#x})", address, f.level, f.why, f.entry));
}

}  // namespace pv::inspect::aarch64
