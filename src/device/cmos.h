// Cmos: the PC's real-time clock and its memory behind ports 0x70 (index) and 0x71 (data):
// MC146818A data sheet (Motorola, 1984), the century in byte 0x32 and RAM sizes in 0x15-0x18, 0x30,
// 0x31, 0x34, 0x35, 0x5b-0x5d as PC firmware leaves them.
//
// The time is the host's wall clock in UTC; setting it moves this device against the host's clock.
// Update-in-progress (register A, bit 7) is set in the last 244 us of a second, as the data sheet
// promises, so that a guest can read without tearing. BCD and 24 hours at start; binary and
// 12 hours where the guest asks.
// Deliberately absent: alarm, periodic and update interrupts (IRQ 8 is never raised; register C
// reads 0).
#pragma once

#include <array>

#include "bus/mmio_device.h"
#include "device/ports.h"

namespace pv::device {

class Cmos final : public bus::MmioDevice {
 public:
  // RAM in bytes below and above 4 GiB, for the size registers.
  Cmos(Clock& clock, u64 ram_below_4g, u64 ram_above_4g);

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 2;  // attached at port 0x70

 private:
  // Broken-down time in plain numbers; weekday 1 is Sunday.
  struct Date {
    u32 second, minute, hour, weekday, day, month, year;
  };
  static Date from_seconds(i64 seconds);
  static i64 to_seconds(const Date& date);
  static bool is_time(u8 index);

  i64 guest_seconds() const;
  u8 encode(u32 value) const;
  u32 decode(u8 value) const;
  void store_date(const Date& date);
  Date load_date() const;
  u8 read_register(u8 index);
  void write_register(u8 index, u8 value);
  void write_status_b(u8 value);
  void set_clock() { offset_ += to_seconds(load_date()) - guest_seconds(); }

  Clock& clock_;
  i64 offset_ = 0;  // the guest's seconds minus the host's
  u8 index_ = 0;
  std::array<u8, 128> memory_{};
};

}  // namespace pv::device
