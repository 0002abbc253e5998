// ResetControl: the reset control register at port 0xcf9 (Intel PIIX3 data sheet, 290550, section
// 2.5.4.6; a FADT's RESET_REG names it with the value 6). Setting bit 2 (RCPU) resets; bit 1
// chooses hard or soft, which is the same here. The register lies inside the range of PCI's
// configuration address: attach it only where there is no PCI host bridge, or let that call it.
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"

namespace pv::device {

class ResetControl final : public bus::MmioDevice {
 public:
  explicit ResetControl(PowerControl& power) : power_(power) {}

  u64 read(bus::Access) override { return value_; }
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 1;

 private:
  static constexpr u8 system_reset = 2, reset_cpu = 4;
  PowerControl& power_;
  u8 value_ = 0;
};

}  // namespace pv::device
