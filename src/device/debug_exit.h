// DebugExit: a port by which a bare-metal x86_64 guest ends the run, at 0xf4 where QEMU users put
// isa-debug-exit. Unlike there, the value written is the exit status itself: 0 to 99; a larger
// one cannot be told from the monitor's own and counts as a crash. Reads give 0.
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"

namespace pv::device {

class DebugExit final : public bus::MmioDevice {
 public:
  explicit DebugExit(PowerControl& power) : power_(power) {}

  u64 read(bus::Access) override { return 0; }
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 4;

 private:
  PowerControl& power_;
};

}  // namespace pv::device
