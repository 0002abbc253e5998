// The x86_64 board: interrupt controllers and PIT in the kernel, COM1, CMOS clock, ACPI registers,
// reset and test-exit ports, virtio-mmio windows named in the DSDT, or a PCI host bridge with ECAM
// and configuration ports.
//
// Specifications: docs/boot-contract.md; ACPI 6.5. Absent: keyboard, fw_cfg, firmware.
#pragma once

#include <memory>
#include <string>

#include "boot/image.h"
#include "boot/loader.h"
#include "boot/zero_page.h"
#include "device/acpi_pm.h"
#include "device/cmos.h"
#include "device/debug_exit.h"
#include "device/debugcon.h"
#include "device/guest_panic.h"
#include "device/i8042.h"
#include "device/port92.h"
#include "device/reset_control.h"
#include "machine/machine.h"
#include "machine/pci_host.h"
#include "machine/uarts.h"
#include "machine/virtio_slots.h"

namespace pv::machine::x86_64 {

class Board final : public Machine {
 public:
  explicit Board(const Spec& spec);

  std::vector<memory::GuestRange> ram() const override { return ram_; }
  std::span<const boot::Reserved> reserved() const override;
  u64 highest_address() const override;
  Result<IrqChip> choose_irqchip(const std::function<bool(IrqChipKind)>& supported) override;
  Result<void> build(const Wiring& wiring, const HostFacts& facts) override;
  Result<void> load(const Payload& payload) override;
  machine::BootState boot_state(unsigned cpu) const override;
  const std::string& summary() const override { return summary_; }
  usize receive(usize port, Bytes input) override { return uarts_.receive(port, input); }
  bool polls_for_input() const override { return uarts_.polled(); }
  std::span<const VirtioSlot> virtio_slots() const override { return virtio_.slots(); }
  std::span<virtio::VirtioPci* const> virtio_functions() const override { return pci_.functions(); }
  std::vector<PostedWindow> posted_windows() const override { return uarts_.posted_windows(); }
  CallResult call(const hv::Hypercall&) override { return {-1, 0}; }
  bool press_power_button() override;

 private:
  Result<hv::IrqLine*> line(const Wiring& wiring, u32 gsi);
  Result<void> build_pci(const Wiring& wiring);
  Result<void> build_ports(const Wiring& wiring);
  std::string linux_line(std::string line) const;
  Result<void> refuse_linux_on_pvm(const boot::KernelImage& image) const;
  Result<void> write_boot_data(const boot::KernelImage& image, const boot::Layout& layout,
                               std::string_view command_line);
  std::vector<boot::E820Entry> memory_map() const;

  Spec spec_;
  std::vector<memory::GuestRange> ram_;
  HostFacts facts_;
  memory::GuestMemory* guest_ram_ = nullptr;
  std::vector<std::unique_ptr<hv::IrqLine>> lines_;
  Uarts uarts_;
  std::unique_ptr<device::Debugcon> debugcon_;
  std::unique_ptr<device::Cmos> cmos_;
  std::unique_ptr<device::AcpiPm> acpi_pm_;
  std::unique_ptr<device::I8042> i8042_;
  std::unique_ptr<device::DebugExit> test_exit_;
  std::unique_ptr<device::GuestPanic> panic_;
  std::unique_ptr<device::ResetControl> reset_control_;
  std::unique_ptr<device::Port92> port92_;
  VirtioSlots virtio_;
  std::unique_ptr<hv::MsiTarget> msis_;
  pci::HostBridge bridge_;
  PciHost pci_;  // empty without PCI
  std::unique_ptr<pci::ConfigPorts> config_ports_;
  boot::EntryProtocol protocol_ = boot::EntryProtocol::x86_linux64;
  u64 entry_ = 0;
  std::string summary_;
};

}  // namespace pv::machine::x86_64
