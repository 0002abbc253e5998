#include "pci/msix.h"

#include "base/check.h"
#include "base/endian.h"

namespace pv::pci {
namespace {

constexpr u8 state_version = 1;

// The capability behind its header: message control, table and pending bits with their BAR.
struct Body {
  Le16 control;
  Le32 table;
  Le32 pending;
};
static_assert(sizeof(Body) == spec::msix_capability_size - 2);

u8 add(ConfigSpace& config, unsigned vectors, unsigned bar, u32 table, u32 pending) {
  CHECK(vectors >= 1 && vectors <= spec::msix_most_vectors);
  CHECK(bar < spec::bar_count && table % 8 == 0 && pending % 8 == 0);
  const Body body{static_cast<u16>(vectors - 1), table | bar, pending | bar};
  const Body writable{u16{spec::msix_enable | spec::msix_function_mask}, 0u, 0u};
  const auto bytes = [](const Body& b) { return Bytes(reinterpret_cast<const u8*>(&b), sizeof b); };
  return config.add_capability(spec::capability_msix, bytes(body), bytes(writable));
}

}  // namespace

Msix::Msix(ConfigSpace& config, hv::MsiTarget& target, unsigned vectors, unsigned bar, u32 table,
           u32 pending)
    : config_(config),
      target_(target),
      table_(table),
      pending_(pending),
      capability_(add(config, vectors, bar, table, pending)),
      entries_(vectors) {}

bool Msix::claims(u64 offset) const {
  return offset - table_ < table_size() || offset - pending_ < pending_size();
}

u64 Msix::read(bus::Access access) const {
  const u64 size = bus::bytes(access.width);
  if (size < 4 || access.offset % size != 0) return bus::all_ones(access.width);
  const u64 low = read_word(access.offset);
  return size == 4 ? low : low | u64{read_word(access.offset + 4)} << 32;
}

void Msix::write(bus::Access access, u64 value) {
  const u64 size = bus::bytes(access.width);
  if (size < 4 || access.offset % size != 0) return;
  write_word(access.offset, static_cast<u32>(value));
  if (size == 8) write_word(access.offset + 4, static_cast<u32>(value >> 32));
}

u32 Msix::read_word(u64 offset) const {
  if (const u64 at = offset - table_; at < table_size()) {
    const Entry& entry = entries_[static_cast<usize>(at / spec::msix_entry_size)];
    switch (at % spec::msix_entry_size) {
      case 0: return static_cast<u32>(entry.address);
      case 4: return static_cast<u32>(entry.address >> 32);
      case 8: return entry.data;
      default: return entry.control;
    }
  }
  u32 bits = 0;
  const usize first = static_cast<usize>((offset - pending_) * 8);
  for (usize i = 0; i < 32 && first + i < entries_.size(); ++i)
    if (entries_[first + i].pending) bits |= u32{1} << i;
  return bits;
}

void Msix::write_word(u64 offset, u32 value) {
  const u64 at = offset - table_;
  if (at >= table_size()) return;  // pending bits are read-only
  Entry& entry = entries_[static_cast<usize>(at / spec::msix_entry_size)];
  switch (at % spec::msix_entry_size) {
    // Messages are aligned to four bytes (6.8.2.6).
    case 0: entry.address = (entry.address & ~u64{0xffff'ffff}) | (value & ~u32{3}); break;
    case 4: entry.address = (entry.address & 0xffff'ffff) | u64{value} << 32; break;
    case 8: entry.data = value; break;
    default: entry.control = value & spec::msix_entry_masked; deliver_pending();
  }
}

void Msix::raise(u16 vector) {
  if (!enabled() || vector >= entries_.size()) return;
  Entry& entry = entries_[vector];
  if (masked(entry))
    entry.pending = true;
  else
    send(entry);
}

void Msix::deliver_pending() {
  if (!enabled()) return;
  for (Entry& entry : entries_)
    if (entry.pending && !masked(entry)) {
      entry.pending = false;
      send(entry);
    }
}

void Msix::reset_pending() {
  for (Entry& entry : entries_) entry.pending = false;
}

void Msix::save(StateWriter& out) const {
  out.put8(state_version);
  out.put16(static_cast<u16>(entries_.size()));
  for (const Entry& entry : entries_) {
    out.put64(entry.address);
    out.put32(entry.data);
    out.put32(entry.control);
    out.put_bool(entry.pending);
  }
}

Result<std::vector<Msix::Entry>> Msix::parse(StateReader& in) const {
  if (in.get8() != state_version || in.get16() != entries_.size())
    return fail(Error::Kind::image, "the saved state is not one of this MSI-X table");
  std::vector<Entry> entries(entries_.size());
  for (Entry& entry : entries) {
    entry.address = in.get64() & ~u64{3};
    entry.data = in.get32();
    entry.control = in.get32() & spec::msix_entry_masked;
    entry.pending = in.get_bool();
  }
  if (in.bad()) return fail(Error::Kind::image, "the saved state of an MSI-X table is damaged");
  return entries;
}

}  // namespace pv::pci
