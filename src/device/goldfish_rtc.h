// GoldfishRtc: the real-time clock of Android's emulator, which QEMU's riscv64 virt uses at
// 0x101000 ("Goldfish virtual hardware", section on google,goldfish-rtc). Nanoseconds since 1970
// in two halves, one alarm.
//
//   rtc@101000 { compatible = "google,goldfish-rtc"; reg = <0 0x101000 0 0x1000>; interrupts =
//   <11>; };
//
// Reading TIME_LOW freezes the half that TIME_HIGH then gives. Setting the clock moves this device
// against the host's clock, never the host's.
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"
#include "hv/irq_line.h"

namespace pv::device {

class GoldfishRtc final : public bus::MmioDevice {
 public:
  // A level interrupt; without `timer` the alarm is noticed only when the guest touches the device.
  GoldfishRtc(hv::IrqLine& irq, Clock& clock, AlarmTimer* timer = nullptr)
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
  u64 now() const { return clock_.wall_ns() + offset_; }
  void set_now(u64 value) { offset_ += value - now(); }
  void settle();

  hv::IrqLine& irq_;
  Clock& clock_;
  AlarmTimer* timer_;
  u64 offset_ = 0;  // the guest's time minus the host's, modulo 2^64
  u64 alarm_ = 0;
  u32 time_high_ = 0;   // frozen by reading TIME_LOW
  u32 alarm_high_ = 0;  // waits for ALARM_LOW
  bool armed_ = false, enabled_ = false, pending_ = false, level_ = false;
};

}  // namespace pv::device
