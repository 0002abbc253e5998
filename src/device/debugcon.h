// Debugcon: the debug port of Bochs and QEMU (isa-debugcon), one byte-wide port: what is written
// goes out, reading gives 0xe9, by which firmware finds it. x86_64: --serial hardware=debugcon, at
// 0x402 as OVMF expects. Deliberately absent: input.
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"

namespace pv::device {

class Debugcon final : public bus::MmioDevice {
 public:
  explicit Debugcon(CharSink& out) : out_(out) {}

  u64 read(bus::Access) override { return present; }
  void write(bus::Access, u64 value) override {
    const u8 byte = static_cast<u8>(value);
    out_.write({&byte, 1});
  }
  void save(StateWriter&) const override {}
  Result<void> restore(StateReader&) override { return {}; }

  static constexpr u64 size = 1;
  static constexpr u8 present = 0xe9;

 private:
  CharSink& out_;
};

}  // namespace pv::device
