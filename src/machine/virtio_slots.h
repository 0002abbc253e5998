// VirtioSlots: the row of virtio-mmio windows that the boards have.
// Only slots with a device are described to the guest, which pays for every window that it probes;
// the others answer as QEMU's do, for programs that look through all of them.
#pragma once

#include <bit>
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
  // Every window from here on: a transport without a device (VIRTIO 1.2, section 4.2.2: device id
  // 0).
  class Empty final : public bus::MmioDevice {
   public:
    Empty(u64 stride, std::endian bus_order) : stride_(stride), bus_order_(bus_order) {}
    u64 read(bus::Access access) override;
    void write(bus::Access, u64) override {}
    void save(StateWriter&) const override {}
    Result<void> restore(StateReader&) override { return {}; }

   private:
    u64 stride_;
    std::endian bus_order_;
  };

  std::vector<VirtioSlot> slots_;
  std::unique_ptr<Empty> empty_;
};

}  // namespace pv::machine
