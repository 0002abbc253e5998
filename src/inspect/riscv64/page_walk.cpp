#include "inspect/riscv64/page_walk.h"

#include "base/endian.h"
#include "base/text.h"

namespace pv::inspect::riscv64 {
namespace {

// A page-table entry's bits.
constexpr u64 V = 1, R = 1 << 1, W = 1 << 2, X = 1 << 3, U = 1 << 4;
constexpr u64 N = 1ull << 63;
constexpr u64 reserved = 0x7full << 54;
constexpr u64 frame_mask = (1ull << 44) - 1;
constexpr u64 sstatus_sum = 1 << 18, sstatus_mxr = 1 << 19;
constexpr unsigned page_bits = 12, index_bits = 9;

std::unexpected<Error> broken(u64 address, unsigned level, u64 entry, const char* why) {
  return fail(Error::Kind::image, text("{:#x} is not mapped: at level {}: {} (entry {:#x})",
                                       address, level, why, entry));
}

Translation leaf(u64 entry, u64 physical, u64 size, u64 sstatus) {
  Translation found;
  found.physical = physical;
  found.size = size;
  Rights rights{(entry & R) != 0 || ((sstatus & sstatus_mxr) != 0 && (entry & X) != 0),
                (entry & W) != 0, (entry & X) != 0};
  if ((entry & U) == 0) {
    found.kernel = rights;
  } else {
    found.user = rights;
    // With SUM the supervisor may load and store there, but never execute.
    if ((sstatus & sstatus_sum) != 0) found.kernel = {rights.read, rights.write, false};
  }
  found.device = (entry >> 61 & 3) == 2;  // Svpbmt: I/O
  return found;
}

}  // namespace

Result<Translation> Walk::translate(u64 address, Steps* steps) const {
  u64 mode = registers_.satp >> 60;
  if (mode == 0) return Translation{address, 0, {true, true, true}, {true, true, true}, false};
  if (mode < 8 || mode > 10)
    return fail(Error::Kind::image, text("satp's mode {} is none that is known", mode));
  unsigned levels = static_cast<unsigned>(mode) - 5;
  unsigned bits = page_bits + levels * index_bits;
  if (static_cast<u64>(static_cast<i64>(address << (64 - bits)) >> (64 - bits)) != address)
    return fail(Error::Kind::image,
                text("{:#x} is no address of Sv{}: the upper bits differ", address, bits));
  u64 table = (registers_.satp & frame_mask) << page_bits;
  for (unsigned level = levels; level-- > 0;) {
    unsigned shift = page_bits + level * index_bits;
    u64 at = table + (address >> shift & 0x1ff) * 8;
    Le64 stored;
    if (!read_(at, {reinterpret_cast<u8*>(&stored), sizeof stored}))
      return fail(Error::Kind::image,
                  text("{:#x} is not mapped: the table of level {} is at {:#x}, outside RAM",
                       address, level, at));
    u64 entry = stored;
    if (steps != nullptr) steps->add({static_cast<int>(level), at, entry});
    if ((entry & V) == 0) return broken(address, level, entry, "not valid");
    if ((entry & (R | W)) == W) return broken(address, level, entry, "writable but not readable");
    if ((entry & reserved) != 0) return broken(address, level, entry, "reserved bits are set");
    u64 base = (entry >> 10 & frame_mask) << page_bits;
    if ((entry & (R | X)) == 0) {  // a pointer to the next table
      if ((entry & N) != 0) return broken(address, level, entry, "a pointer with N set");
      table = base;
      continue;
    }
    u64 size = 1ull << shift;
    if ((entry & N) != 0) {
      if (level != 0 || (entry >> 10 & 0xf) != 8)
        return broken(address, level, entry, "a size of Svnapot that does not exist");
      size = 64_KiB;
      base &= ~(size - 1);
    }
    if ((base & (size - 1)) != 0) return broken(address, level, entry, "a misaligned superpage");
    return leaf(entry, base | (address & (size - 1)), size, registers_.sstatus);
  }
  return fail(Error::Kind::image,
              text("{:#x} is not mapped: the entry of level 0 is a pointer", address));
}

}  // namespace pv::inspect::riscv64
