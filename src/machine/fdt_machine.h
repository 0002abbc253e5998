// FdtMachine: what the boards that describe themselves by a device tree have in common: one bank
// of RAM, virtio-mmio slots, and the way from a Payload to guest memory.
#pragma once

#include <string>
#include <vector>

#include "boot/image.h"
#include "boot/loader.h"
#include "machine/device_tree.h"
#include "machine/machine.h"
#include "machine/pci_host.h"
#include "machine/uarts.h"
#include "machine/virtio_slots.h"

namespace pv::machine {

class FdtMachine : public Machine {
 public:
  std::vector<memory::GuestRange> ram() const override { return {ram_}; }
  u64 highest_address() const override { return ram_.end() - 1; }
  Result<void> load(const Payload& payload) override;
  Bytes device_tree() const override { return tree_; }
  const std::string& summary() const override { return summary_; }
  std::span<const VirtioSlot> virtio_slots() const override { return virtio_.slots(); }
  std::span<virtio::VirtioPci* const> virtio_functions() const override { return pci_.functions(); }
  usize receive(usize port, Bytes input) override { return uarts_.receive(port, input); }
  bool polls_for_input() const override { return uarts_.polled(); }
  std::vector<PostedWindow> posted_windows() const override { return uarts_.posted_windows(); }

 protected:
  FdtMachine(Arch arch, const Spec& spec, u64 ram_base, const UartPlan& uarts)
      : spec_(spec), uarts_(uarts), arch_(arch), ram_{memory::GuestAddress(ram_base), spec.ram} {}

  // The board's tree.
  virtual Result<std::vector<u8>> build_tree(const TreeInput& input) const = 0;
  // boot::Target::only_32_bits.
  virtual const char* only_32_bits() const { return nullptr; }
  // The tree's path of a UART.
  virtual std::string uart_path(usize port) const = 0;
  // Bytes of RAM that the board needs for code in which other CPUs wait.
  virtual u64 waiting_size() const { return 0; }
  // Where everything lies, before the tree is built: the board may write code of its own to RAM.
  virtual Result<void> placed(const boot::KernelImage&, const boot::Layout&) { return {}; }

  // To be called first by build().
  void use(const Wiring& wiring) { guest_ram_ = &wiring.ram; }
  // The UARTs, on the MMIO bus. Errors: see Uarts; a debug port, which only x86_64 has.
  Result<void> build_uarts(const Wiring& wiring, const Uarts::Line& line);
  // What numbers the ports as the user does, where there is more than one.
  void add_serial_aliases(boot::FdtBuilder& fdt) const;

  memory::GuestMemory& guest_ram() const { return *guest_ram_; }
  u64 entry() const { return entry_; }
  u64 tree_address() const { return tree_address_; }
  const memory::GuestRange& bank() const { return ram_; }

  Spec spec_;
  VirtioSlots virtio_;
  PciHost pci_;  // empty without PCI
  Uarts uarts_;

 private:
  std::string linux_line(std::string line) const;
  Result<std::vector<u8>> make_tree(const Payload& payload, const std::string& line,
                                    const boot::Layout& layout, Bytes users_tree) const;

  Arch arch_;
  memory::GuestRange ram_;
  memory::GuestMemory* guest_ram_ = nullptr;
  u64 entry_ = 0;
  u64 tree_address_ = 0;
  std::vector<u8> tree_;
  std::string summary_;
};

}  // namespace pv::machine
