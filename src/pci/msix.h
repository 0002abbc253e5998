// Msix: the MSI-X capability, its vector table and pending bits (PCI Local Bus 3.0, section 6.8.2).
// The table's addresses and data are the guest's and are only ever handed to the MsiTarget.
//
// All calls with the function's mutex held. Absent: MSI (without X), per-vector steering.
#pragma once

#include <vector>

#include "base/serialize.h"
#include "bus/mmio_device.h"
#include "hv/msi.h"
#include "pci/config_space.h"

namespace pv::pci {

class Msix {
 public:
  // Adds the capability to `config`. Table and pending bits lie in BAR `bar` at these offsets, both
  // multiples of 8; the target outlives this.
  Msix(ConfigSpace& config, hv::MsiTarget& target, unsigned vectors, unsigned bar, u32 table,
       u32 pending);

  // Offsets from the start of the BAR; false when they are none of ours.
  bool claims(u64 offset) const;
  // Aligned accesses of 4 or 8 bytes; others read as all ones and write nothing.
  u64 read(bus::Access access) const;
  void write(bus::Access access, u64 value);

  // MSI-X is what the driver has chosen: the function must not use INTx.
  bool enabled() const { return (control() & spec::msix_enable) != 0; }
  unsigned vectors() const { return static_cast<unsigned>(entries_.size()); }
  // Sends the vector's message, or keeps it pending while masked. A vector that does not exist is
  // dropped (0xffff: none).
  void raise(u16 vector);
  // The guest has written to the configuration space.
  void config_written() { deliver_pending(); }
  void set_requester(u16 id) { requester_ = id; }
  void reset_pending();

  struct Entry {
    u64 address = 0;
    u32 data = 0;
    u32 control = spec::msix_entry_masked;
    bool pending = false;
  };
  void save(StateWriter& out) const;
  // A saved table, for restore().
  Result<std::vector<Entry>> parse(StateReader& in) const;
  void restore(std::vector<Entry> entries) { entries_ = std::move(entries); }

 private:
  u16 control() const { return config_.get16(capability_ + 2u); }
  bool masked(const Entry& entry) const {
    return (control() & spec::msix_function_mask) != 0 ||
           (entry.control & spec::msix_entry_masked) != 0;
  }
  void send(const Entry& entry) { target_.signal({entry.address, entry.data, requester_}); }
  void deliver_pending();
  u32 read_word(u64 offset) const;
  void write_word(u64 offset, u32 value);
  u64 table_size() const { return u64{entries_.size()} * spec::msix_entry_size; }
  u64 pending_size() const { return align_up(entries_.size(), 64) / 8; }

  ConfigSpace& config_;
  hv::MsiTarget& target_;
  u64 table_;
  u64 pending_;
  u8 capability_;
  u16 requester_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace pv::pci
