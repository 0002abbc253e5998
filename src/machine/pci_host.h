// PciHost: a board's PCI host bridge with the virtio devices behind it: what VirtioSlots is for
// virtio-mmio. Each has the number that it was given, or the lowest free one from 1; interrupts are
// four level lines, and messages where the board has a target for them.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "boot/fdt.h"
#include "machine/machine.h"
#include "machine/pci_map.h"
#include "pci/host_bridge.h"
#include "pci/root_bus.h"
#include "virtio/pci_transport.h"

namespace pv::machine {

// Whether the board of this name can do what is asked of its PCI. Errors (usage): it has none, or
// no ports for transitional devices.
Result<void> check_pci(const Spec& spec, const PciMap& map, std::string_view board);

class PciHost {
 public:
  // `msis` outlives the host; null: the devices use INTA#. `io`: the bus that `map.io` is on.
  // Errors: more devices than a bus has room for, or a window that overlaps another device.
  Result<void> build(const Wiring& wiring, const PciMap& map, bus::Bus& io,
                     const std::function<Result<hv::IrqLine*>(u32 irq)>& line, hv::MsiTarget* msis,
                     VirtioBus kind);

  pci::RootBus& root() { return *root_; }
  std::span<virtio::VirtioPci* const> functions() const { return pointers_; }
  // The highest number of a device; 0: there is none.
  unsigned last_device() const { return last_device_; }

 private:
  std::unique_ptr<pci::RootBus> root_;
  std::unique_ptr<pci::ConfigWindow> config_;
  std::vector<std::unique_ptr<virtio::VirtioPci>> functions_;
  std::vector<virtio::VirtioPci*> pointers_;
  unsigned last_device_ = 0;
};

// What the tree says of interrupts on this board.
struct PciInterrupts {
  u32 controller = 0;                              // phandle
  unsigned address_cells = 0;                      // of the controller
  std::function<std::vector<u32>(u32 irq)> cells;  // of "interrupts", for a level
  // Messages: phandle of the controller that takes them; 0: none. With a requester id as its
  // specifier (an ITS) the tree maps those, otherwise it names the controller alone.
  u32 msi_controller = 0;
  bool msi_by_requester = false;
};

// Devicetree bindings pci-host-ecam-generic and pci-host-cam-generic (Open Firmware's PCI bus
// binding 2.1). Inside the node whose children have two address cells and two size cells.
void add_pci(boot::FdtBuilder& fdt, u64 unit_address, const PciMap& map,
             const PciInterrupts& interrupts);

}  // namespace pv::machine
