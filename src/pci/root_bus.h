// RootBus: PCI bus 0: which function answers at which number, where the BARs that it decodes lie on
// the buses of the machine, and how INTA# to INTD# of 32 devices share four lines.
//
// A guest may move a BAR at any time, also while other CPUs access it: each configuration write
// that changes the map becomes one transaction on the machine's bus, doorbells included. A BAR is
// mapped where it lies within a window of the bridge and overlaps nothing; otherwise it answers
// nowhere until that changes.
//
// Locks: root bus -> function -> the bus's own. Absent: bridges and further buses, functions 1
// to 7.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "hv/irq_line.h"
#include "pci/function.h"

namespace pv::pci {

// Addresses `pci` to `pci + size - 1` of a PCI address space, at `cpu` of a bus of the machine.
struct Window {
  bus::Bus* bus = nullptr;  // null: the bridge has no such window
  u64 cpu = 0;
  u64 pci = 0;
  u64 size = 0;
};

// The line of a device's INTA#: (device + pin) modulo 4, as bridges turn them (PCI-to-PCI Bridge
// 1.2, section 9.1).
constexpr unsigned intx_line(unsigned device) { return device % 4; }

class RootBus {
 public:
  static constexpr unsigned lines = 4;

  // The lines are levels, and outlive the bus.
  RootBus(const Window& memory, const Window& io, std::array<hv::IrqLine*, lines> interrupts);
  ~RootBus();

  // Plugs a function in as number 0 of `device`. Both at any time, also while vCPUs run. Errors:
  // no such device number, or one that is taken.
  Result<void> add(unsigned device, Function& function);
  void remove(unsigned device);
  Function* at(unsigned device) const { return slots_[device].function; }

  // A configuration access on bus 0; `devfn` is device << 3 | function. What is not there reads as
  // all ones.
  u32 config_read(unsigned devfn, u32 offset, bus::Width width);
  void config_write(unsigned devfn, u32 offset, bus::Width width, u32 value);

  // Functions' state has been restored: maps their BARs anew.
  void update();

 private:
  class SharedLine;
  class Pin;
  struct Mapping {
    bus::Bus* bus = nullptr;  // null: not mapped
    u64 base = 0;
    bool operator==(const Mapping&) const = default;
  };
  struct Slot {
    Function* function = nullptr;
    std::unique_ptr<Pin> pin;
    std::array<Mapping, spec::bar_count> wanted{};
    std::array<Mapping, spec::bar_count> mapped{};
  };

  Slot* slot_of(unsigned devfn);
  Mapping place(const Function& function, unsigned bar) const;
  bool decode(Slot& slot);
  void map_all();
  void map_bus(bus::Bus& bus);

  Window memory_;
  Window io_;
  std::mutex mutex_;
  std::array<std::unique_ptr<SharedLine>, lines> shared_;
  std::array<Slot, spec::devices_per_bus> slots_{};
};

}  // namespace pv::pci
