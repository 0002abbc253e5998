// PciMap: where a board has its PCI host bridge, for the boards' memory maps.
#pragma once

#include "bus/bus.h"

namespace pv::machine {

struct PciMap {
  u64 ecam = 0;       // 1 MiB: bus 0
  bus::Range memory;  // at the same addresses on both sides
  bus::Range io;      // what the CPU accesses to reach the ports from `io_ports` on
  u64 io_ports = 0;
  u32 first_irq = 0;  // INTA#; INTB# to INTD# follow
};

}  // namespace pv::machine
