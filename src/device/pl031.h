// Pl031: ARM PrimeCell real-time clock (PL031), ARM DDI 0224C. Whole seconds since 1970, one
// alarm. aarch64 virt has it at 0x09010000.
//
//   pl031@9010000 { compatible = "arm,pl031", "arm,primecell"; reg = <0 0x9010000 0 0x1000>;
//                   interrupts = <0 2 4>; clocks = <&apb>; clock-names = "apb_pclk"; };
//
// Setting the clock moves this device against the host's clock, never the host's. Deliberately
// absent: stopping the counter (RTCCR reads as enabled), test registers.
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"
#include "hv/irq_line.h"

namespace pv::device {

class Pl031 final : public bus::MmioDevice {
 public:
  // A level interrupt; without `timer` the alarm shows in RTCRIS when the guest looks, but wakes
  // nobody.
  Pl031(hv::IrqLine& irq, Clock& clock, AlarmTimer* timer = nullptr)
      : irq_(irq), clock_(clock), timer_(timer) {}
  // For a timer that is made after the device.
  void set_timer(AlarmTimer* timer) { timer_ = timer; }

  // The timer ran out; the device's mutex is held.
  void expired() { settle(); }

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 0x1000;

 private:
  u32 now() const;
  void settle();

  hv::IrqLine& irq_;
  Clock& clock_;
  AlarmTimer* timer_;
  u32 offset_ = 0;  // the guest's seconds minus the host's, modulo 2^32
  u32 match_ = 0, load_ = 0;
  bool armed_ = false;  // the match lies ahead
  bool mask_ = false, raw_ = false, level_ = false;
};

}  // namespace pv::device
