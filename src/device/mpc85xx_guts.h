// Mpc85xxGuts: the global utilities block of Freescale's MPC85xx (MPC8544E Reference Manual,
// chapter 20), as much of it as guests use: the processor's and the chip's version, and the reset
// control register.
//
//   global-utilities@e0000 { compatible = "fsl,mpc8544-guts"; reg = <0xe0000 0x1000>;
//                            fsl,has-rstcr; };
//
// All registers have 32 bits and are big-endian: on this device's bus a plain access of a
// big-endian CPU. Other registers read 0, as on QEMU. Absent: power-on configuration, clocks,
// power management.
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"

namespace pv::device {

class Mpc85xxGuts final : public bus::MmioDevice {
 public:
  // Both versions as the guest's CPU reads them from its own registers.
  Mpc85xxGuts(PowerControl& power, u32 processor_version, u32 system_version)
      : power_(power), processor_version_(processor_version), system_version_(system_version) {}

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 0x1000;

 private:
  enum Reg : u64 { PVR = 0xa0, SVR = 0xa4, RSTCR = 0xb0 };
  static constexpr u32 reset_request = 2;

  PowerControl& power_;
  u32 processor_version_;
  u32 system_version_;
};

}  // namespace pv::device
