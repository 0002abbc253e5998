#include "machine/pci_host.h"

#include <algorithm>
#include <bit>

#include "base/text.h"

namespace pv::machine {
namespace {

// Of each virtio device: its own, or the lowest that is nobody's. 0 is the host bridge's.
std::vector<u32> device_numbers(const Wiring& wiring) {
  std::vector<u32> numbers(wiring.pci_devices.begin(), wiring.pci_devices.end());
  numbers.resize(wiring.virtio.size());
  u32 taken = 1;
  for (u32 number : numbers) taken |= u32{1} << number;
  for (u32& number : numbers) {
    if (number == 0) number = static_cast<u32>(std::countr_one(taken));
    taken |= u32{1} << number;
  }
  return numbers;
}

}  // namespace

Result<void> check_pci(const Spec& spec, const PciMap& map, std::string_view board) {
  if (spec.has_pci() && !map.exists())
    return fail(Error::Kind::usage, text("the board \"{}\" has no PCI bus", board),
                "use --transport mmio, or --board virt");
  if (spec.virtio == VirtioBus::pci_transitional && map.io.size == 0)
    return fail(Error::Kind::usage,
                text("the board \"{}\" has no PCI ports, which transitional devices need", board),
                "use --transport pci, or --board virt");
  return {};
}

Result<void> PciHost::build(const Wiring& wiring, const PciMap& map, bus::Bus& io,
                            const std::function<Result<hv::IrqLine*>(u32)>& line,
                            hv::MsiTarget* msis, VirtioBus kind) {
  std::array<hv::IrqLine*, pci::RootBus::lines> lines;
  for (u32 i = 0; i < lines.size(); ++i) lines[i] = TRY(line(map.first_irq + i));
  root_ = std::make_unique<pci::RootBus>(
      pci::Window{&wiring.mmio, map.memory.base, map.memory.base, map.memory.size},
      pci::Window{map.io.size != 0 ? &io : nullptr, map.io.base, map.io_ports, map.io.size}, lines);
  config_ = std::make_unique<pci::ConfigWindow>(*root_, map.layout);
  TRY(wiring.mmio.attach({map.config, map.config_size()}, *config_, "PCI configuration"));
  if (wiring.virtio.size() >= pci::spec::devices_per_bus)
    return fail(Error::Kind::usage,
                text("{} virtio devices do not fit a PCI bus of {}", wiring.virtio.size(),
                     pci::spec::devices_per_bus - 1),
                "remove some disks");
  const auto interface = kind == VirtioBus::pci_transitional ? virtio::VirtioPci::Kind::transitional
                                                             : virtio::VirtioPci::Kind::modern;
  const std::vector<u32> numbers = device_numbers(wiring);
  for (usize n = 0; n < wiring.virtio.size(); ++n) {
    functions_.push_back(std::make_unique<virtio::VirtioPci>(
        *wiring.virtio[n], wiring.ram, msis, wiring.executor, wiring.log, interface));
    pointers_.push_back(functions_.back().get());
    TRY(root_->add(numbers[n], *functions_.back()));
    last_device_ = std::max(last_device_, numbers[n]);
  }
  return {};
}

namespace {

// phys.hi of Open Firmware's PCI addresses: the space, and the device in bits 11 to 15.
constexpr u32 space_io = 0x0100'0000, space_memory32 = 0x0200'0000;
constexpr unsigned device_shift = 11;

void push64(std::vector<u32>& cells, u64 value) {
  cells.push_back(static_cast<u32>(value >> 32));
  cells.push_back(static_cast<u32>(value));
}

std::vector<u32> ranges(const PciMap& map) {
  std::vector<u32> cells;
  if (map.io.size != 0) {
    cells.push_back(space_io);
    push64(cells, map.io_ports);
    push64(cells, map.io.base);
    push64(cells, map.io.size);
  }
  cells.push_back(space_memory32);
  push64(cells, map.memory.base);
  push64(cells, map.memory.base);
  push64(cells, map.memory.size);
  return cells;
}

// INTA# of devices 0 to 3; the mask folds the others onto these.
std::vector<u32> interrupt_map(const PciMap& map, const PciInterrupts& interrupts) {
  std::vector<u32> cells;
  for (u32 device = 0; device < pci::RootBus::lines; ++device) {
    cells.insert(cells.end(), {device << device_shift, 0, 0, 1, interrupts.controller});
    cells.insert(cells.end(), interrupts.address_cells, 0);
    for (const u32 cell : interrupts.cells(map.first_irq + pci::intx_line(device)))
      cells.push_back(cell);
  }
  return cells;
}

}  // namespace

void add_pci(boot::FdtBuilder& fdt, u64 unit_address, const PciMap& map,
             const PciInterrupts& interrupts) {
  auto node = fdt.node("pcie", unit_address);
  const bool ecam = map.layout == pci::spec::ConfigLayout::ecam;
  fdt.prop("compatible", ecam ? "pci-host-ecam-generic" : "pci-host-cam-generic");
  fdt.prop("device_type", "pci");
  fdt.prop("#address-cells", 3u);
  fdt.prop("#size-cells", 2u);
  fdt.prop("#interrupt-cells", 1u);
  fdt.prop("linux,pci-domain", 0u);
  fdt.cells("bus-range", {0, 0});
  fdt.reg({{map.config, map.config_size()}});
  fdt.cells("ranges", ranges(map));
  fdt.prop("dma-coherent");
  fdt.cells("interrupt-map-mask", {(pci::RootBus::lines - 1) << device_shift, 0, 0, 7});
  fdt.cells("interrupt-map", interrupt_map(map, interrupts));
  if (interrupts.msi_controller == 0) return;
  if (interrupts.msi_by_requester)
    fdt.cells("msi-map", {0, interrupts.msi_controller, 0, 0x1'0000});
  else
    fdt.prop("msi-parent", interrupts.msi_controller);
}

}  // namespace pv::machine
