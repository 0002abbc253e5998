// Port92: the PS/2 system control port A at 0x92: bit 0 resets at once, bit 1 is the A20 gate,
// which is always open here.
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"

namespace pv::device {

class Port92 final : public bus::MmioDevice {
 public:
  explicit Port92(PowerControl& power) : power_(power) {}

  u64 read(bus::Access) override { return a20_open; }
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 1;

 private:
  static constexpr u8 fast_reset = 1, a20_open = 2;
  PowerControl& power_;
};

}  // namespace pv::device
