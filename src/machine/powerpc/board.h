// The PowerPC Book3E board: MPIC in the kernel, 16550, global utilities, GPIO power switch,
// finisher and virtio-mmio in the register space of QEMU's "ppce500" (memory_map.h).
//
//   A guest sees: /soc@fe0000000 (simple-bus, one cell for address and size), /hypervisor with the
//   instructions of a hypercall, cpus that wait in a spin table (spin_table.h).
//
// Specifications: docs/boot-contract.md; ePAPR 1.1; Devicetree bindings powerpc/fsl/*,
// open-pic, fsl,mpic. The bus carries values as a big-endian CPU sees them: little-endian devices
// (virtio) are told so. Absent: PCI, I2C with a clock, MSIs.
#pragma once

#include <memory>

#include "device/guest_panic.h"
#include "device/mpc85xx_guts.h"
#include "device/mpc8xxx_gpio.h"
#include "device/sifive_test.h"
#include "machine/fdt_machine.h"

namespace pv::machine::powerpc {

class Board final : public FdtMachine {
 public:
  explicit Board(const Spec& spec);
  ~Board() override;

  u64 highest_address() const override;
  Result<IrqChip> choose_irqchip(const std::function<bool(IrqChipKind)>& supported) override;
  Result<void> build(const Wiring& wiring, const HostFacts& facts) override;
  machine::BootState boot_state(unsigned cpu) const override;
  CallResult call(const hv::Hypercall& call) override;

 private:
  class Unused;

  Result<std::vector<u8>> build_tree(const TreeInput& input) const override;
  std::string uart_path(usize port) const override;
  const char* only_32_bits() const override;
  u64 waiting_size() const override;
  Result<void> placed(const boot::KernelImage& image, const boot::Layout& layout) override;
  Result<hv::IrqLine*> line(const Wiring& wiring, u32 irq);
  Result<void> build_power(const Wiring& wiring);
  u64 spin_entry(unsigned cpu) const;
  void add_cpus(boot::FdtBuilder& fdt) const;
  void add_hypervisor(boot::FdtBuilder& fdt) const;
  void add_mpic(boot::FdtBuilder& fdt, u32 phandle) const;
  void add_peripherals(boot::FdtBuilder& fdt) const;
  void add_soc(boot::FdtBuilder& fdt) const;

  HostFacts facts_;
  std::vector<std::unique_ptr<hv::IrqLine>> lines_;
  std::unique_ptr<Unused> unused_;
  std::unique_ptr<device::Mpc85xxGuts> guts_;
  std::unique_ptr<device::Mpc8xxxGpio> gpio_;
  std::unique_ptr<device::SifiveTest> test_exit_;
  std::unique_ptr<device::GuestPanic> panic_;
  u64 mapping_ = 0;    // size of the boot mapping
  u64 spin_page_ = 0;  // 0 with one CPU
};

}  // namespace pv::machine::powerpc
