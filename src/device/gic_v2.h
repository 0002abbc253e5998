// GicV2: Arm Generic Interrupt Controller, architecture 2.0 (ARM IHI 0048B.b), distributor and CPU
// interfaces in one frame: for hosts whose KVM has no virtual GIC (Raspberry Pi 3: no GIC at all).
// Addresses, and the shape in a device tree, are QEMU's virt's:
//
//   intc@8000000 { compatible = "arm,cortex-a15-gic"; #interrupt-cells = <3>; interrupt-controller;
//     reg = <distributor 0x10000>, <CPU interface 0x10000>; };
//
// Registers are banked: the CPU that accesses them is told by bus::Access::cpu. 32 priorities, as a
// GIC-400 has. One view without security extensions, one group.
// Deliberately absent: group 1 and aliased registers (ABPR, AIAR), virtualization extensions, more
// than 8 CPUs, bypass.
//
// THREADS. As the Plic: inputs are driven by any thread; everything is under an inner mutex (the
// "interrupt controller" of the lock order on Bus), and outputs are called with it held.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "bus/mmio_device.h"
#include "device/external_interrupt.h"
#include "hv/irq_line.h"

namespace pv::device {

class GicV2 final : public bus::MmioDevice {
 public:
  static constexpr u32 cpu_interface = 0x1'0000;  // after the distributor
  static constexpr u64 size = 0x2'0000;
  static constexpr unsigned max_cpus = 8;
  static constexpr u32 max_interrupts = 256;

  // `interrupts`: SGIs, PPIs and SPIs together, a multiple of 32; outputs: each CPU's IRQ input.
  GicV2(u32 interrupts, std::vector<ExternalInterrupt*> outputs);
  ~GicV2() override;

  // Shared peripheral interrupt `number`, from 0; owned by the GIC. Before the guest runs.
  hv::IrqLine& shared(u32 number);
  // Private interrupt `id` (16 to 31) of one CPU. Any thread.
  void set_private(unsigned cpu, u32 id, bool level);

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

 private:
  static constexpr u32 private_ids = 32;
  static constexpr u32 no_interrupt = 1023;
  static constexpr u32 words = max_interrupts / 32;
  using Bits = std::array<u32, words>;

  // One CPU's: word 0 of Shared's arrays is unused, this is its place.
  struct Cpu {
    u32 enabled = 0, level = 0, latched = 0, active = 0, edge = 0xffff;
    std::array<u8, private_ids> priority{};
    std::array<u8, 16> sgi_sources{};  // for each SGI: which CPUs have sent it
    u32 control = 0, mask = 0, binary_point = 0;
    u32 running = 0;  // bit n: an interrupt of priority 8 n is being served
    bool output = false;
  };
  class Input;

  void drive(u32 id, bool level);
  u32 pending(const Cpu& cpu, u32 word) const;
  u32 best(unsigned index, u32& priority) const;
  bool preempts(const Cpu& cpu, u32 priority) const;
  void update();
  u32 acknowledge(unsigned index);
  void end(unsigned index, u32 value, bool drop, bool deactivate);
  void send(unsigned from, u32 value);
  u32 read_distributor(unsigned cpu, u32 offset);
  u32 read_banked_word(unsigned cpu, u32 offset) const;
  void write_distributor(unsigned cpu, u32 offset, u32 value);
  void write_word(unsigned cpu, u32 offset, u32 value);
  u8 read_byte(unsigned cpu, u32 offset) const;
  void write_byte(unsigned cpu, u32 offset, u8 value);
  u32 read_interface(unsigned cpu, u32 offset);
  void write_interface(unsigned cpu, u32 offset, u32 value);
  u32* field(unsigned cpu, u32 word, Bits GicV2::* shared, u32 Cpu::* own);
  u32 get(unsigned cpu, u32 word, const Bits GicV2::* shared, u32 Cpu::* own) const;

  u32 interrupts_;
  mutable std::mutex state_mutex_;
  bool enabled_ = false;
  std::vector<Cpu> cpus_;
  std::vector<ExternalInterrupt*> outputs_;
  Bits enable_{}, level_{}, latched_{}, active_{}, edge_{};
  std::array<u8, max_interrupts> priority_{};
  std::array<u8, max_interrupts> targets_{};
  std::array<std::unique_ptr<Input>, max_interrupts> inputs_;
};

}  // namespace pv::device
