// Plic: RISC-V platform-level interrupt controller, specification 1.0.0, in the register layout of
// SiFive's and QEMU's virt (0x0c000000, 0x600000 long). For hosts whose KVM has no AIA.
//
//   plic@c000000 { compatible = "sifive,plic-1.0.0", "riscv,plic0"; riscv,ndev = <sources>;
//     interrupts-extended = <&cpu0 0xffffffff &cpu0 9 ...>; #interrupt-cells = <1>; };
//
// A context is one interrupt input of one hart. QEMU's virt numbers them 2*hart (machine mode) and
// 2*hart+1 (supervisor mode); a KVM guest has no machine mode, so those contexts exist for the
// numbering only, with a null output and 0xffffffff in the device tree: Linux skips them, and a
// guest built for QEMU finds hart 0's supervisor registers where it expects them.
//
// Linux writes a priority and an enable word for every source at boot, each an exit: tell it
// (riscv,ndev, and `sources` here) only as many as the machine uses.
//
// Deliberately absent: more than 127 sources, priorities above 7 (QEMU's three bits).
//
// THREADS. A source is driven by any thread that holds its device's mutex, so everything here is
// under an inner mutex of its own (the "interrupt controller" of the lock order on Bus), and the
// outputs are called with it held: they must not call back. The bus's mutex() is not needed for
// sources.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "bus/mmio_device.h"
#include "device/external_interrupt.h"
#include "hv/irq_line.h"

namespace pv::device {

class Plic final : public bus::MmioDevice {
 public:
  // level: high means interrupting, asked again at completion. edge: each rise is one interrupt,
  // remembered also while the previous one is being served.
  enum class Trigger : u8 { level, edge };
  static constexpr u32 max_sources = 127;
  static constexpr u64 size = 0x600000;

  // Sources 1 to `sources` (at most max_sources); outputs[context] may be null.
  Plic(u32 sources, std::vector<ExternalInterrupt*> outputs);
  ~Plic() override;

  // The input of source `number` (1 to sources), owned by the Plic. Set up before the guest runs.
  hv::IrqLine& source(u32 number, Trigger trigger = Trigger::level);

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

 private:
  static constexpr u32 words = 4;
  using Bits = std::array<u32, words>;
  struct Context {
    Bits enable{};
    u32 threshold = 0;
    bool level = false;
    ExternalInterrupt* output = nullptr;
  };
  class Input;

  void drive(u32 source, bool level);
  u32 best(const Context& context) const;
  u32 claim(Context& context);
  void complete(const Context& context, u32 source);
  void update();
  u32 read_context(u32 offset);
  void write_context(u32 offset, u32 value);
  bool valid(u32 source) const { return source >= 1 && source <= sources_; }

  u32 sources_;
  mutable std::mutex state_mutex_;
  std::array<u8, max_sources + 1> priority_{};
  Bits lines_{};    // levels of the inputs
  Bits pending_{};  // forwarded by the gateway, not claimed
  Bits served_{};   // claimed, not completed: the gateway is shut
  Bits latched_{};  // edges that came meanwhile
  Bits edge_{};     // which inputs are edge-triggered
  std::vector<Context> contexts_;
  std::array<std::unique_ptr<Input>, max_sources + 1> inputs_;
};

}  // namespace pv::device
