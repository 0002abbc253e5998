// SifiveTest: the "test finisher" of SiFive's FPGA boards as QEMU's virt machine has it
// (compatible "sifive,test1", "sifive,test0", "syscon"): one 32-bit register by which a guest
// ends the run. riscv64: 0x100000 (QEMU's place), aarch64: 0x090f0000 (ours).
//
//   write 0x5555               power off, exit status 0
//   write 0x7777               reset
//   write (code << 16)|0x3333  end with the exit status `code`, 0 to 99; a larger code cannot be told
//                              from the monitor's own and counts as a panic
//
// Other values and other offsets do nothing; reads give 0, as on QEMU.
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"

namespace pv::device {

class SifiveTest final : public bus::MmioDevice {
 public:
  explicit SifiveTest(PowerControl& power) : power_(power) {}

  u64 read(bus::Access) override { return 0; }
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 0x1000;

 private:
  PowerControl& power_;
};

}  // namespace pv::device
