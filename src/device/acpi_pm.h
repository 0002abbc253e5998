// AcpiPm: ACPI's fixed hardware registers (ACPI 6.5, section 4.8) in one block of 12 ports, at
// 0x600 on x86_64 as in QEMU's pc:
//
//   0x600 PM1a_STS   0x602 PM1a_EN   0x604 PM1a_CNT   0x608 PM_TMR (32 bits, 3.579545 MHz)
//
// SLP_EN with SLP_TYP 0 (what the DSDT's \_S5 names, as QEMU's) or 5 powers off: `outw 0x2000` to
// port 0x604 is enough for a bare-metal guest. Other sleep types do nothing.
// SCI_EN reads as 1: there is no legacy mode and no SMI command. Deliberately absent: the timer's
// carry interrupt (TMR_EN; Linux does not use it), sleep button, RTC wake, general events (GPE).
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"
#include "hv/irq_line.h"

namespace pv::device {

class AcpiPm final : public bus::MmioDevice {
 public:
  // `sci` is a level interrupt: high while an enabled status bit is set.
  AcpiPm(hv::IrqLine& sci, Clock& clock, PowerControl& power)
      : sci_(sci), clock_(clock), power_(power), start_(ticks()) {}

  // The fixed power button; the device's mutex is held. False when the guest has not enabled it
  // (no ACPI driver yet): the caller must not wait for it.
  bool press_power_button();

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 12;

 private:
  u32 ticks() const;
  u32 timer() const { return ticks() - start_; }
  void write_control(u32 value);
  void settle();

  hv::IrqLine& sci_;
  Clock& clock_;
  PowerControl& power_;
  u16 status_ = 0, enable_ = 0, control_ = 1;
  u32 start_;  // ticks() when the timer was 0
  bool level_ = false;
};

}  // namespace pv::device
