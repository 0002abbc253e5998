// The riscv64 boards: the AIA in the kernel where the host has one, else a PLIC of our own; 16550s,
// Goldfish RTC, test finisher and virtio-mmio at the addresses of a MemoryMap: QEMU's "virt" unless
// asked. SBI is the kernel's.
//
// Specifications: docs/boot-contract.md; Devicetree bindings riscv/cpus, riscv,aplic, riscv,imsics,
// sifive,plic-1.0.0, pci-host-ecam-generic. Absent: fw_cfg, ACPI.
#pragma once

#include <deque>
#include <memory>

#include "device/goldfish_rtc.h"
#include "device/guest_panic.h"
#include "device/plic.h"
#include "device/sifive_test.h"
#include "machine/fdt_machine.h"
#include "machine/riscv64/memory_map.h"
#include "machine/riscv64/sbi.h"
#include "machine/vcpu_input.h"

namespace pv::machine::riscv64 {

class Board final : public FdtMachine {
 public:
  explicit Board(const Spec& spec);
  ~Board() override;

  Result<IrqChip> choose_irqchip(const std::function<bool(IrqChipKind)>& supported) override;
  Result<void> build(const Wiring& wiring, const HostFacts& facts) override;
  machine::BootState boot_state(unsigned cpu) const override;
  CallResult call(const hv::Hypercall& call) override { return sbi_->call(call); }

 private:
  Result<std::vector<u8>> build_tree(const TreeInput& input) const override;
  static const MemoryMap& map_of(const Spec& spec);
  std::string uart_path(usize port) const override;
  bool has_aia() const { return std::holds_alternative<Aia>(chip_); }
  u32 source_count() const;
  void build_plic(const Wiring& wiring);
  Result<void> build_pci(const Wiring& wiring);
  Result<hv::IrqLine*> line(const Wiring& wiring, u32 irq, bool edge);
  std::string isa() const;
  // Cells of "interrupts" for the controller that the board has.
  std::vector<u32> interrupt(u32 irq, bool edge) const;
  std::vector<u32> add_cpus(boot::FdtBuilder& fdt) const;
  void add_plic(boot::FdtBuilder& fdt, std::span<const u32> harts, u32 phandle) const;
  // The phandle of the IMSICs, which take messages.
  u32 add_aia(boot::FdtBuilder& fdt, std::span<const u32> harts, u32 phandle) const;
  // Both give the finisher's phandle.
  u32 add_peripherals(boot::FdtBuilder& fdt) const;
  u32 add_soc(boot::FdtBuilder& fdt, std::span<const u32> harts) const;
  void add_power(boot::FdtBuilder& fdt, u32 finisher) const;

  const MemoryMap& map_;
  IrqChip chip_;
  HostFacts facts_;
  std::deque<VcpuInput> inputs_;  // of a controller of our own
  std::unique_ptr<device::Plic> plic_;
  std::vector<std::unique_ptr<hv::IrqLine>> lines_;
  std::unique_ptr<device::GoldfishRtc> rtc_;
  std::unique_ptr<device::SifiveTest> test_exit_;
  std::unique_ptr<device::GuestPanic> panic_;
  std::unique_ptr<SbiConsole> sbi_;
  std::unique_ptr<hv::MsiTarget> msis_;
};

}  // namespace pv::machine::riscv64
