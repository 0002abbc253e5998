// PciMap: where a board has its PCI host bridge, for the boards' memory maps.
#pragma once

#include "bus/bus.h"
#include "pci/spec.h"

namespace pv::machine {

struct PciMap {
  u64 config = 0;  // the registers of bus 0, in this layout
  pci::spec::ConfigLayout layout = pci::spec::ConfigLayout::ecam;
  bus::Range memory;  // at the same addresses on both sides; size 0: the board has no PCI
  bus::Range io;      // what the CPU accesses to reach the ports from `io_ports` on; size 0: none
  u64 io_ports = 0;
  u32 first_irq = 0;  // INTA#; INTB# to INTD# follow

  constexpr bool exists() const { return memory.size != 0; }
  constexpr u64 config_size() const { return pci::spec::window_size(layout); }
};

}  // namespace pv::machine
