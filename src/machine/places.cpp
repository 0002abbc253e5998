#include "machine/places.h"

#include <algorithm>

#include "base/text.h"
#include "device/acpi_pm.h"
#include "device/ns16550.h"
#include "device/plic.h"
#include "machine/aarch64/memory_map.h"
#include "machine/powerpc/memory_map.h"
#include "machine/riscv64/memory_map.h"
#include "machine/x86_64/memory_map.h"

namespace pv::machine {
namespace {

// Behind the finisher's register.
constexpr u64 mark_offset = 8;
// Behind pvpanic's port.
constexpr u16 mark_port = 0x506;

}  // namespace

Places::Places(Arch arch, std::string_view board) {
  switch (arch) {
    case Arch::aarch64: add_aarch64(board); break;
    case Arch::riscv64: add_riscv64(board); break;
    case Arch::powerpc: add_powerpc(); break;
    case Arch::x86_64: add_x86_64(); break;
  }
}

// What the tables of aarch64 and riscv64 call alike.
template <class Map>
void Places::add_common(const Map& map) {
  for (usize port = 0; port < max_uarts; ++port) {
    const UartWindow& window = map.uarts.windows[port];
    if (window.size == 0) continue;
    // As --serial numbers them; the first is "the" UART.
    if (port == 0)
      places_.push_back({"uart", window.base, window.size});
    else
      places_.push_back(
          {"uart", window.base, window.size, window.size, static_cast<i64>(port) + 1});
  }
  places_.push_back({"clock", map.rtc.base, map.rtc.size});
  places_.push_back({"panic register", map.panic.base, map.panic.size});
  places_.push_back({"finisher", map.test_exit.base, map.test_exit.size});
  places_.push_back(
      {"virtio", map.virtio.base, map.virtio.size * map.virtio_slots, map.virtio.size});
  mark_ = map.test_exit.base + mark_offset;
}

void Places::add_aarch64(std::string_view board) {
  const aarch64::MemoryMap* map = aarch64::find_board(board);
  if (map == nullptr) map = aarch64::find_board({});
  const auto controller = [this](u64 base, u64 size) {
    places_.push_back({"interrupt controller", base, size});
  };
  controller(map->gic_distributor, aarch64::gic_distributor_size);
  controller(map->gic_cpu_interface, map->gic_cpu_interface_size);
  controller(map->redistributors(map->most_cpus), map->most_cpus * aarch64::gic_redistributor_size);
  add_common(*map);
  if (map->pci.exists()) pci_ = &map->pci;
}

void Places::add_riscv64(std::string_view board) {
  const riscv64::MemoryMap* map = riscv64::find_board(board);
  if (map == nullptr) map = riscv64::find_board({});
  places_.push_back({"PLIC", map->plic, device::Plic::size});
  places_.push_back({"APLIC", map->aplic, riscv64::aplic_size});
  add_common(*map);
  if (map->pci.exists()) pci_ = &map->pci;
}

void Places::add_powerpc() {
  using namespace powerpc;
  const auto one = [](std::string_view name, const auto& window) {
    return Place{name, window.base(), window.size};
  };
  places_ = {one("uart", uarts[0]),
             one("MPIC", mpic),
             {"virtio", virtio.base(), virtio.size * virtio_slots, virtio.size},
             one("global utilities", guts),
             one("panic register", panic),
             one("finisher", test_exit),
             one("GPIO", gpio)};
  mark_ = test_exit.base() + mark_offset;
}

void Places::add_x86_64() {
  using namespace x86_64;
  places_ = {{"virtio", virtio_base, virtio_stride * virtio_slots, virtio_stride},
             {"I/O APIC", io_apic, 0x1000},
             {"local APIC", local_apic, 0x1000}};
  const auto ports = [this](std::string_view name, u64 base, u64 size) {
    places_.push_back({.name = name, .base = base, .size = size, .port = true});
  };
  ports("uart", port::com1, device::Ns16550::register_count);
  ports("clock", port::cmos, 2);
  ports("keyboard controller", port::i8042_data, 1);
  ports("keyboard controller", port::i8042_command, 1);
  ports("test exit", port::test_exit, 4);
  ports("panic port", port::panic, 1);
  ports("ACPI", port::acpi_pm, device::AcpiPm::size);
  ports("port 92", port::system_control, 1);
  ports("reset control", port::reset_control, 1);
  ports("PCI configuration", 0xcf8, 8);
  pci_ = &pci_map;
  mark_ = mark_port;
  mark_port_ = true;
  io_are_ports_ = true;
}

// Which device a window belongs to is the guest's choice.
Places::Found Places::pci_place(bool port, u64 address) const {
  if (pci_ == nullptr) return {};
  const auto inside = [&](u64 base, u64 size) { return address >= base && address - base < size; };
  if (port == io_are_ports_ && inside(pci_->io.base, pci_->io.size)) return {"PCI ports"};
  if (port) return {};
  if (inside(pci_->config, pci_->config_size())) return {"PCI configuration"};
  return inside(pci_->memory.base, pci_->memory.size) ? Found{"PCI devices"} : Found{};
}

Places::Found Places::find(bool port, u64 address) const {
  if (is_mark(port, address)) return {"mark"};
  for (const Place& place : places_) {
    if (port != place.port || address < place.base || address - place.base >= place.size) continue;
    if (place.stride == 0) return {place.name};
    return {place.name, place.first + static_cast<i64>((address - place.base) / place.stride)};
  }
  return pci_place(port, address);
}

std::string Places::Found::words() const {
  return number < 0 ? std::string(name) : text("{} {}", name, number);
}

}  // namespace pv::machine
