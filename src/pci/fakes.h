// For tests and fuzzers of this and higher layers: a bridge with its windows on buses of its own,
// and a function with a memory BAR of registers, an I/O BAR and MSI-X.
#pragma once

#include <array>

#include "base/check.h"
#include "bus/bus.h"
#include "hv/irq_line.h"
#include "pci/host_bridge.h"
#include "pci/root_bus.h"

namespace pv::pci {

class FakeHost {
 public:
  static constexpr u64 ecam_base = 0x3000'0000;
  static constexpr u64 memory_base = 0x4000'0000;
  static constexpr u64 memory_size = 0x1000'0000;
  static constexpr u64 io_base = 0x0300'0000;
  static constexpr u64 io_size = 0x1'0000;

  FakeHost()
      : root({&bus, memory_base, memory_base, memory_size}, {&bus, io_base, 0, io_size},
             {&lines[0], &lines[1], &lines[2], &lines[3]}),
        ecam(root, spec::ConfigLayout::ecam) {
    CHECK(bus.attach({ecam_base, spec::window_size(spec::ConfigLayout::ecam)}, ecam, "ecam"));
  }

  static u64 address(unsigned device, u32 reg) { return ecam_base + (u64{device} << 15) + reg; }
  u32 get(unsigned device, u32 reg, bus::Width width = bus::Width::word) const {
    u64 value = 0;
    bus.read(address(device, reg), width, value);
    return static_cast<u32>(value);
  }
  void set(unsigned device, u32 reg, u32 value, bus::Width width = bus::Width::word) {
    bus.write(address(device, reg), width, value);
  }
  void command(unsigned device, u16 value) { set(device, spec::Command, value, bus::Width::half); }
  u64 read(u64 at, bus::Width width = bus::Width::word) const {
    u64 value = 0;
    bus.read(at, width, value);
    return value;
  }
  bool answers(u64 at) const {
    u64 value = 0;
    return bus.read(at, bus::Width::word, value);
  }

  bus::Bus bus;
  std::array<hv::FakeIrqLine, 4> lines;
  RootBus root;
  ConfigWindow ecam;
};

// BAR 0: I/O, 16 bytes. BAR 2: memory, 64 bits, 16 KiB, with MSI-X at 0x2000 and 0x3000.
class FakeFunction final : public Function {
 public:
  static constexpr u64 io_size = 16, memory_size = 0x4000;
  static constexpr u32 table = 0x2000, pending = 0x3000;
  static constexpr unsigned vectors = 3;

  explicit FakeFunction(hv::MsiTarget* target = nullptr)
      : Function({.vendor = 0x1234,
                  .device = 0x5678,
                  .subsystem_vendor = 0x9abc,
                  .subsystem = 0xdef0,
                  .class_code = 0x018002,
                  .revision = 7,
                  .interrupt = true},
                 "fake") {
    registers().add_bar(0, BarKind::io, io_size);
    registers().add_bar(2, BarKind::memory64, memory_size);
    if (target != nullptr) use_msix(*target, vectors, 2, table, pending);
    add_doorbell(2, {0x10, 2, {}, 77});
  }
  void interrupt(u16 vector) {
    std::lock_guard lock(mutex());
    raise_msix(vector);
  }
  void intx(bool level) {
    std::lock_guard lock(mutex());
    set_intx(level);
  }

  // The last write, and what reads give.
  unsigned last_bar = ~0u;
  u64 last_offset = 0, last_value = 0;
  u64 answer = 0x5a5a'5a5a;

 private:
  u64 bar_read(unsigned bar, bus::Access access) override {
    last_bar = bar;
    last_offset = access.offset;
    return answer;
  }
  void bar_write(unsigned bar, bus::Access access, u64 value) override {
    last_bar = bar;
    last_offset = access.offset;
    last_value = value;
  }
};

}  // namespace pv::pci
