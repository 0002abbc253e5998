// Mpc8xxxGpio: the GPIO block of Freescale's MPC8572 and QorIQ chips (MPC8572E Reference Manual,
// chapter 18.2), of which pin 0 is the power switch, as on QEMU's ppce500: driven high by the
// guest, it powers the machine off.
//
//   gpio@ff000 { compatible = "fsl,qoriq-gpio"; reg = <0xff000 0x1000>; #gpio-cells = <2>;
//                gpio-controller; interrupts = <47 2>; };
//   power-off  { compatible = "gpio-poweroff"; gpios = <&gpio 0 0>; };    guest:
//   CONFIG_GPIO_MPC8XXX,
//                                                                         CONFIG_POWER_RESET_GPIO
//
// Registers are big-endian and pin 0 is the most significant bit. Absent: inputs (they read 0) and
// therefore interrupts.
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"

namespace pv::device {

class Mpc8xxxGpio final : public bus::MmioDevice {
 public:
  explicit Mpc8xxxGpio(PowerControl& power) : power_(power) {}

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 0x1000;

 private:
  enum Reg : u64 {
    GPDIR = 0x00,
    GPODR = 0x04,
    GPDAT = 0x08,
    GPIER = 0x0c,
    GPIMR = 0x10,
    GPICR = 0x14
  };
  static constexpr u32 power_pin = 0x8000'0000;  // pin 0

  u32 driven() const { return data_ & direction_; }

  PowerControl& power_;
  u32 direction_ = 0;  // 1: output
  u32 open_drain_ = 0;
  u32 data_ = 0;
  u32 mask_ = 0;
  u32 control_ = 0;
};

}  // namespace pv::device
