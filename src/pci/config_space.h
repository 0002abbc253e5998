// ConfigSpace: the 256 bytes of configuration registers of one function (PCI Local Bus 3.0, chapter
// 6.1, type 0 header): which bits a guest can write, what its BARs decode, its capability list.
// Pure data: it does not know what a BAR leads to.
//
// Absent: expansion ROM, PCI Express's extended registers (they read as all ones: a conventional
// function), power management, built-in self test.
#pragma once

#include <array>
#include <optional>

#include "base/serialize.h"
#include "base/types.h"
#include "bus/mmio_device.h"
#include "pci/spec.h"

namespace pv::pci {

struct Identity {
  u16 vendor = 0;
  u16 device = 0;
  u16 subsystem_vendor = 0;
  u16 subsystem = 0;
  u32 class_code = 0;  // base class, subclass, interface: 0x018000
  u8 revision = 0;
  bool interrupt = false;  // has INTA#
};

enum class BarKind : u8 { none, io, memory32, memory64 };

class ConfigSpace {
 public:
  explicit ConfigSpace(const Identity& identity);

  // Declares BAR `index`; `size` a power of two, at least 4 (I/O) or 16 (memory). A 64-bit BAR
  // takes the next index too.
  void add_bar(unsigned index, BarKind kind, u64 size);
  // Appends a capability with `body` behind its two-byte header (id, next); `writable` holds the
  // bits that a guest can change, as long as the body. Returns its offset.
  u8 add_capability(u8 id, Bytes body, Bytes writable = {});

  // `offset` below 256 and aligned to `width`; others read all ones and write nothing.
  u32 read(u32 offset, bus::Width width) const;
  void write(u32 offset, bus::Width width, u32 value);

  BarKind bar_kind(unsigned index) const { return bars_[index].kind; }
  u64 bar_size(unsigned index) const { return bars_[index].size; }
  // Where the BAR decodes; nothing while the command register does not enable its space.
  std::optional<u64> bar_base(unsigned index) const;

  u16 command() const { return get16(spec::Command); }
  void set_interrupt_status(bool pending);

  u8 get8(u32 offset) const { return bytes_[offset]; }
  u16 get16(u32 offset) const;
  u32 get32(u32 offset) const;
  // Changes registers that a guest may not: the function's own.
  void set8(u32 offset, u8 value) { bytes_[offset] = value; }
  void set16(u32 offset, u16 value);

  // What a guest can have changed.
  void save(StateWriter& out) const;
  // Bits that a guest cannot write keep their value, whatever the state says.
  Result<void> restore(StateReader& in);

 private:
  struct Bar {
    BarKind kind = BarKind::none;
    u64 size = 0;
  };

  std::array<u8, spec::config_size> bytes_{};
  std::array<u8, spec::config_size> writable_{};
  std::array<Bar, spec::bar_count> bars_{};
  u8 last_capability_ = 0;
  u32 free_ = spec::FirstCapability;
};

}  // namespace pv::pci
