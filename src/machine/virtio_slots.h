// VirtioSlots: the row of virtio-mmio windows that the boards have.
// Only slots with a device exist: a guest pays for every window it probes.
#pragma once

#include <span>
#include <vector>

#include "machine/machine.h"

namespace pv::machine {

class VirtioSlots {
 public:
  // Slot n answers at base + n * stride and interrupts on first_irq + n. Errors: more devices than
  // `count` slots, or a window that overlaps another device.
  Result<void> build(const Wiring& wiring, u64 base, u64 stride, u32 first_irq, usize count,
                     const std::function<Result<hv::IrqLine*>(u32)>& line,
                     std::endian bus_order = std::endian::little);

  std::span<const VirtioSlot> slots() const { return slots_; }

 private:
  std::vector<VirtioSlot> slots_;
};

}  // namespace pv::machine
