// The aarch64 boards: GICv3 or GICv2 in the kernel or a GICv2 of our own, the architected timer,
// PSCI, UARTs, PL031, a test-exit register and virtio-mmio, at the addresses of a MemoryMap: QEMU's
// "virt" unless asked.
//
// Specifications: docs/boot-contract.md; Devicetree bindings arm,gic-v3, arm,pl011, arm,psci,
// arm,armv8-timer, arm,gic-v3-its, arm,gic-v2m-frame, pci-host-ecam-generic. Absent: GPIO power
// button, fw_cfg.
#pragma once

#include <deque>
#include <memory>

#include "device/gic_v2.h"
#include "device/gicv2m.h"
#include "device/guest_panic.h"
#include "device/pl031.h"
#include "device/sifive_test.h"
#include "machine/aarch64/memory_map.h"
#include "machine/fdt_machine.h"
#include "machine/vcpu_input.h"

namespace pv::machine::aarch64 {

class Board final : public FdtMachine {
 public:
  explicit Board(const Spec& spec);
  ~Board() override;

  Result<IrqChip> choose_irqchip(const std::function<bool(IrqChipKind)>& supported) override;
  Result<void> build(const Wiring& wiring, const HostFacts& facts) override;
  machine::BootState boot_state(unsigned cpu) const override;
  CallResult call(const hv::Hypercall&) override { return {-1, 0}; }

 private:
  Result<std::vector<u8>> build_tree(const TreeInput& input) const override;
  static const MemoryMap& map_of(const Spec& spec);
  std::string uart_path(usize port) const override;
  Result<hv::IrqLine*> line(const Wiring& wiring, u32 spi);
  bool has_its() const;
  u32 interrupts() const;
  Result<hv::MsiTarget*> build_msis(const Wiring& wiring);
  Result<void> build_pci(const Wiring& wiring);
  // Of the controller that takes messages; 0 where there is none.
  u32 add_msis(boot::FdtBuilder& fdt) const;
  void add_cpus(boot::FdtBuilder& fdt) const;
  // `msi_phandle` is set to that of the controller that takes messages.
  void add_gic(boot::FdtBuilder& fdt, u32 phandle, u32* msi_phandle) const;
  void add_timer(boot::FdtBuilder& fdt) const;
  void add_peripherals(boot::FdtBuilder& fdt) const;

  Error refusal(IrqChipKind kind) const;
  void build_gic(const Wiring& wiring);
  Result<void> attach_gic(bus::Bus& mmio);

  const MemoryMap& map_;
  IrqChip chip_;
  std::deque<VcpuInput> inputs_;        // of a controller of our own
  std::unique_ptr<device::GicV2> gic_;  // when the kernel has none
  std::vector<std::unique_ptr<hv::IrqLine>> lines_;
  std::unique_ptr<device::Pl031> rtc_;
  std::unique_ptr<device::SifiveTest> test_exit_;
  std::unique_ptr<device::GuestPanic> panic_;
  std::unique_ptr<hv::MsiTarget> its_;
  std::unique_ptr<device::GicV2m> gicv2m_;
};

}  // namespace pv::machine::aarch64
