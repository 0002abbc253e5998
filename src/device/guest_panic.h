// GuestPanic: the register by which a guest kernel says that it panicked (QEMU's specification
// "PVPANIC device"; port 0x505 on x86_64, one byte of memory-mapped I/O elsewhere, compatible
// "qemu,pvpanic-mmio").
//
//   read    which events the device understands: bit 0 panicked, bit 1 a crash kernel takes over
//   write   bit 0: the run ends as a crash. Bit 1 alone: the guest handles it itself, go on
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"

namespace pv::device {

class GuestPanic final : public bus::MmioDevice {
 public:
  explicit GuestPanic(PowerControl& power) : power_(power) {}

  u64 read(bus::Access) override { return panicked | crash_loaded; }
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 1;

 private:
  static constexpr u8 panicked = 1, crash_loaded = 2;
  PowerControl& power_;
};

}  // namespace pv::device
