// I8042: where a PC has its keyboard controller (ports 0x60 to 0x64; 0x60 data, 0x64 status and
// command) there is only the reset line. A keyboard nobody can type on would cost the guest
// hundreds of milliseconds of probing.
//
//   outb 0xfe to 0x64            reset
//   outb 0xd1 to 0x64, then a value with bit 0 clear to 0x60    reset (the output port's way)
//
// What the status reads decides what absence costs Linux (i8042_flush and i8042_controller_check in
// drivers/input/serio/i8042.c; kb_wait in arch/x86/kernel/reboot.c). It reads 0xfd:
//  - output-buffer-full never goes away, so the probe gives up ("No controller found") after 16
//    rounds and 33 exits; were it clear, the self test would wait 10,000 rounds of 50 us;
//  - input-buffer-full is clear, so that a reboot does not wait 65,536 rounds first: plain 0xff
//    would cost that.
// Cheaper still is a FADT whose boot-architecture flags say that there is no 8042: then Linux
// does not look at all.
//
// Port 0x61 between them reads 0x20 (timer 2 has run out), so that a loop waiting for the PIT's
// gate ends where no PIT is emulated; writes to it are dropped. Deliberately absent: keyboard,
// mouse, A20.
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"

namespace pv::device {

class I8042 final : public bus::MmioDevice {
 public:
  explicit I8042(PowerControl& power) : power_(power) {}

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 5;  // attached at port 0x60

 private:
  PowerControl& power_;
  bool output_port_next_ = false;  // the next byte to 0x60 is for the output port
};

}  // namespace pv::device
