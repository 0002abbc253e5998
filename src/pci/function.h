// Function: one PCI function: its configuration registers, what lies behind its BARs, and its
// interrupts, by MSI-X where it has a target for messages, else by INTA#. A device derives from it
// and knows offsets into its BARs, never addresses.
//
// On the bus a BAR's registers are at bar_offset(BAR) + offset of the same MmioDevice, so that one
// mutex guards the whole function. RootBus takes that mutex for configuration accesses too.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "hv/irq_line.h"
#include "hv/msi.h"
#include "pci/config_space.h"
#include "pci/msix.h"

namespace pv::pci {

class Function : public bus::MmioDevice {
 public:
  static constexpr u64 bar_offset(unsigned bar) { return u64{bar} << 32; }

  // `name`: for the bus's messages and logs.
  Function(const Identity& identity, std::string_view name) : config_(identity), name_(name) {}

  u64 read(bus::Access access) final;
  void write(bus::Access access, u64 value) final;

  // Configuration registers; the mutex is held. A function that has more behind them overrides
  // these and calls them.
  virtual u32 config_read(u32 offset, bus::Width width) { return config_.read(offset, width); }
  virtual void config_write(u32 offset, bus::Width width, u32 value);

  const ConfigSpace& config() const { return config_; }
  const std::string& name() const { return name_; }
  // Writes in this BAR that ring, with addresses from its start.
  std::span<const bus::Doorbell> doorbells(unsigned bar) const { return doorbells_[bar]; }

  // What the root bus gives a function that it takes: where INTA# leads, and its requester id.
  void connect(hv::IrqLine& interrupt, u16 requester);

  // Registers and MSI-X table. RootBus::update() must follow a restore.
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

 protected:
  virtual u64 bar_read(unsigned bar, bus::Access access) = 0;
  virtual void bar_write(unsigned bar, bus::Access access, u64 value) = 0;

  // The two halves of restore(), for a derived class that has state of its own to check between
  // them.
  struct Saved {
    ConfigSpace config;
    std::vector<Msix::Entry> entries;
  };
  Result<Saved> parse_saved(StateReader& in) const;
  void take(Saved saved);

  ConfigSpace& registers() { return config_; }
  void use_msix(hv::MsiTarget& target, unsigned vectors, unsigned bar, u32 table, u32 pending) {
    msix_.emplace(config_, target, vectors, bar, table, pending);
    msix_bar_ = bar;
  }
  void add_doorbell(unsigned bar, const bus::Doorbell& doorbell) {
    doorbells_[bar].push_back(doorbell);
  }
  bool has_msix() const { return msix_.has_value(); }
  bool msix_enabled() const { return msix_ && msix_->enabled(); }
  unsigned msix_vectors() const { return msix_ ? msix_->vectors() : 0; }
  void raise_msix(u16 vector) {
    if (msix_) msix_->raise(vector);
  }
  // INTA#, as the device asserts it; whether it reaches the controller is the guest's choice.
  void set_intx(bool asserted);
  // The device was reset: no message waits any more.
  void drop_pending_messages() {
    if (msix_) msix_->reset_pending();
  }

 private:
  void update_intx();

  ConfigSpace config_;
  std::string name_;
  std::optional<Msix> msix_;
  unsigned msix_bar_ = 0;
  std::array<std::vector<bus::Doorbell>, spec::bar_count> doorbells_;
  hv::IrqLine* interrupt_ = nullptr;
  bool intx_ = false;
  bool line_ = false;  // what the line was last told
};

}  // namespace pv::pci
