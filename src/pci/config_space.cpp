#include "pci/config_space.h"

#include <bit>
#include <cstring>

#include "base/check.h"

namespace pv::pci {
namespace {

constexpr u8 state_version = 1;

constexpr u32 bar_offset(unsigned index) { return spec::BAR0 + 4 * index; }

}  // namespace

ConfigSpace::ConfigSpace(const Identity& identity) {
  set16(spec::VendorID, identity.vendor);
  set16(spec::DeviceID, identity.device);
  set8(spec::RevisionID, identity.revision);
  for (unsigned i = 0; i < 3; ++i)
    set8(spec::ClassCode + i, static_cast<u8>(identity.class_code >> (8 * i)));
  set16(spec::SubsystemVendorID, identity.subsystem_vendor);
  set16(spec::SubsystemID, identity.subsystem);
  const Le16 command(spec::command_writable);
  std::memcpy(&writable_[spec::Command], &command, sizeof command);
  writable_[spec::CacheLineSize] = 0xff;
  if (!identity.interrupt) return;
  set8(spec::InterruptPin, 1);
  writable_[spec::InterruptLine] = 0xff;
}

void ConfigSpace::add_bar(unsigned index, BarKind kind, u64 size) {
  const bool wide = kind == BarKind::memory64;
  CHECK(index + (wide ? 1 : 0) < spec::bar_count && bars_[index].kind == BarKind::none);
  CHECK(std::has_single_bit(size) && size >= (kind == BarKind::io ? 4 : 16));
  CHECK(wide || size <= u64{1} << 31);
  bars_[index] = {kind, size};
  const u64 mask = ~(size - 1);
  for (unsigned i = 0; i < (wide ? 8u : 4u); ++i)
    writable_[bar_offset(index) + i] = static_cast<u8>(mask >> (8 * i));
  if (kind == BarKind::io) set8(bar_offset(index), spec::bar_io);
  if (wide) set8(bar_offset(index), spec::bar_memory_64);
}

u8 ConfigSpace::add_capability(u8 id, Bytes body, Bytes writable) {
  CHECK(writable.empty() || writable.size() == body.size());
  const u32 at = static_cast<u32>(align_up(free_, 4));
  CHECK(at + 2 + body.size() <= spec::config_size);
  const u8 offset = static_cast<u8>(at);
  set8(at, id);
  std::memcpy(&bytes_[at + 2], body.data(), body.size());
  if (!writable.empty()) std::memcpy(&writable_[at + 2], writable.data(), writable.size());
  if (last_capability_ == 0) {
    set8(spec::CapabilitiesPointer, offset);
    set16(spec::Status, static_cast<u16>(get16(spec::Status) | spec::status_capabilities));
  } else {
    set8(last_capability_ + 1u, offset);
  }
  last_capability_ = offset;
  free_ = at + 2 + static_cast<u32>(body.size());
  return offset;
}

u32 ConfigSpace::read(u32 offset, bus::Width width) const {
  const u32 size = static_cast<u32>(bus::bytes(width));
  if (size > 4 || offset >= spec::config_size || offset % size != 0) return ~u32{0};
  u32 value = 0;
  for (u32 i = 0; i < size; ++i) value |= u32{bytes_[offset + i]} << (8 * i);
  return value;
}

void ConfigSpace::write(u32 offset, bus::Width width, u32 value) {
  const u32 size = static_cast<u32>(bus::bytes(width));
  if (size > 4 || offset >= spec::config_size || offset % size != 0) return;
  for (u32 i = 0; i < size; ++i) {
    u8& byte = bytes_[offset + i];
    const u8 mask = writable_[offset + i];
    byte = static_cast<u8>((byte & ~mask) | (static_cast<u8>(value >> (8 * i)) & mask));
  }
}

std::optional<u64> ConfigSpace::bar_base(unsigned index) const {
  const Bar& bar = bars_[index];
  if (bar.kind == BarKind::none) return std::nullopt;
  const bool io = bar.kind == BarKind::io;
  if ((command() & (io ? spec::command_io : spec::command_memory)) == 0) return std::nullopt;
  u64 base = get32(bar_offset(index));
  if (bar.kind == BarKind::memory64) base |= u64{get32(bar_offset(index + 1))} << 32;
  return base & ~(bar.size - 1);
}

void ConfigSpace::set_interrupt_status(bool pending) {
  const u16 status = get16(spec::Status);
  set16(spec::Status, static_cast<u16>(pending ? status | spec::status_interrupt
                                               : status & ~spec::status_interrupt));
}

u16 ConfigSpace::get16(u32 offset) const { return load_as<Le16>(bytes_, offset); }
u32 ConfigSpace::get32(u32 offset) const { return load_as<Le32>(bytes_, offset); }

void ConfigSpace::set16(u32 offset, u16 value) {
  const Le16 raw(value);
  std::memcpy(&bytes_[offset], &raw, sizeof raw);
}

void ConfigSpace::save(StateWriter& out) const {
  out.put8(state_version);
  out.put_bytes(bytes_);
}

Result<void> ConfigSpace::restore(StateReader& in) {
  if (in.get8() != state_version)
    return fail(Error::Kind::image, "the saved state is not one of PCI configuration registers");
  const std::vector<u8> saved = in.get_bytes(spec::config_size);
  if (in.bad() || saved.size() != spec::config_size ||
      std::memcmp(saved.data(), bytes_.data(), 4) != 0)
    return fail(Error::Kind::image, "the saved state is one of another PCI function");
  for (usize i = 0; i < saved.size(); ++i)
    bytes_[i] = static_cast<u8>((bytes_[i] & ~writable_[i]) | (saved[i] & writable_[i]));
  return {};
}

}  // namespace pv::pci
