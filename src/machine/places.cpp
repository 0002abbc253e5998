#include "machine/places.h"

#include <span>

#include "base/text.h"
#include "device/acpi_pm.h"
#include "device/ns16550.h"
#include "machine/aarch64/boards.inc"
#include "machine/powerpc/memory_map.h"
#include "machine/riscv64/boards.inc"
#include "machine/x86_64/memory_map.h"

namespace pv::machine {
namespace {

struct Place {
  const char* name;
  u64 base;
  u64 size;
  u64 stride = 0;  // 0: one device; else as many as fit, numbered
};

// Behind the finisher's register.
constexpr u64 mark_offset = 8;
// Behind pvpanic's port.
constexpr u16 mark_port = 0x506;

constexpr Place aarch64_places[] = {
    {"interrupt controller", aarch64::boards::virt.gic_distributor, 0x100'0000},
    {"uart", aarch64::boards::virt.uarts.windows[0].base,
     aarch64::boards::virt.uarts.windows[0].size},
    {"clock", aarch64::boards::virt.rtc.base, aarch64::boards::virt.rtc.size},
    {"panic register", aarch64::boards::virt.panic.base, aarch64::boards::virt.panic.size},
    {"finisher", aarch64::boards::virt.test_exit.base, aarch64::boards::virt.test_exit.size},
    {"virtio", aarch64::boards::virt.virtio.base,
     aarch64::boards::virt.virtio.size* aarch64::boards::virt.virtio_slots,
     aarch64::boards::virt.virtio.size},
};

constexpr Place riscv64_places[] = {
    {"finisher", riscv64::boards::virt.test_exit.base, riscv64::boards::virt.test_exit.size},
    {"clock", riscv64::boards::virt.rtc.base, riscv64::boards::virt.rtc.size},
    {"panic register", riscv64::boards::virt.panic.base, riscv64::boards::virt.panic.size},
    {"PLIC", riscv64::boards::virt.plic, riscv64::boards::virt.aplic - riscv64::boards::virt.plic},
    {"APLIC", riscv64::boards::virt.aplic, riscv64::aplic_size},
    {"uart", riscv64::boards::virt.uarts.windows[0].base,
     riscv64::boards::virt.uarts.windows[0].size},
    {"virtio", riscv64::boards::virt.virtio.base,
     riscv64::boards::virt.virtio.size* riscv64::boards::virt.virtio_slots,
     riscv64::boards::virt.virtio.size},
};

constexpr Place powerpc_places[] = {
    {"uart", powerpc::uarts[0].base(), powerpc::uarts[0].size},
    {"MPIC", powerpc::mpic.base(), powerpc::mpic.size},
    {"virtio", powerpc::virtio.base(), powerpc::virtio.size* powerpc::virtio_slots,
     powerpc::virtio.size},
    {"global utilities", powerpc::guts.base(), powerpc::guts.size},
    {"panic register", powerpc::panic.base(), powerpc::panic.size},
    {"finisher", powerpc::test_exit.base(), powerpc::test_exit.size},
    {"GPIO", powerpc::gpio.base(), powerpc::gpio.size},
};

constexpr Place x86_64_places[] = {
    {"virtio", x86_64::virtio_base, x86_64::virtio_stride* x86_64::virtio_slots,
     x86_64::virtio_stride},
    {"I/O APIC", x86_64::io_apic, 0x1000},
    {"local APIC", x86_64::local_apic, 0x1000},
};

constexpr Place x86_64_ports[] = {
    {"uart", x86_64::port::com1, device::Ns16550::register_count},
    {"clock", x86_64::port::cmos, 2},
    {"keyboard controller", x86_64::port::i8042_data, 1},
    {"keyboard controller", x86_64::port::i8042_command, 1},
    {"test exit", x86_64::port::test_exit, 4},
    {"panic port", x86_64::port::panic, 1},
    {"ACPI", x86_64::port::acpi_pm, device::AcpiPm::size},
    {"port 92", x86_64::port::system_control, 1},
    {"reset control", x86_64::port::reset_control, 1},
    {"PCI configuration", 0xcf8, 8},
};

// Where a board has PCI; nullptr: it has none.
const PciMap* pci_of(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return &aarch64::pci_map;
    case Arch::riscv64: return &riscv64::pci_map;
    case Arch::x86_64: return &x86_64::pci_map;
    case Arch::powerpc: return nullptr;
  }
  return nullptr;
}

// Which device a window belongs to is the guest's choice.
const char* pci_place(Arch arch, bool port, u64 address) {
  const PciMap* pci = pci_of(arch);
  if (pci == nullptr) return "";
  const auto inside = [&](u64 base, u64 size) { return address >= base && address - base < size; };
  const bool ports_are_ports = arch == Arch::x86_64;
  if (port == ports_are_ports && inside(pci->io.base, pci->io.size)) return "PCI ports";
  if (port) return "";
  if (inside(pci->ecam, 1_MiB)) return "PCI configuration";
  return inside(pci->memory.base, pci->memory.size) ? "PCI devices" : "";
}

std::span<const Place> places(Arch arch, bool port) {
  if (port)
    return arch == Arch::x86_64 ? std::span<const Place>(x86_64_ports) : std::span<const Place>();
  switch (arch) {
    case Arch::aarch64: return aarch64_places;
    case Arch::riscv64: return riscv64_places;
    case Arch::powerpc: return powerpc_places;
    case Arch::x86_64: return x86_64_places;
  }
  return {};
}

}  // namespace

bool is_mark(Arch arch, bool port, u64 address) {
  switch (arch) {
    case Arch::aarch64:
      return !port && address == aarch64::boards::virt.test_exit.base + mark_offset;
    case Arch::riscv64:
      return !port && address == riscv64::boards::virt.test_exit.base + mark_offset;
    case Arch::powerpc: return !port && address == powerpc::test_exit.base() + mark_offset;
    case Arch::x86_64: return port && address == mark_port;
  }
  return false;
}

std::string place_of(Arch arch, bool port, u64 address) {
  if (is_mark(arch, port, address)) return "mark";
  for (const Place& place : places(arch, port)) {
    if (address < place.base || address - place.base >= place.size) continue;
    if (place.stride == 0) return place.name;
    return text("{} {}", place.name, (address - place.base) / place.stride);
  }
  return pci_place(arch, port, address);
}

}  // namespace pv::machine
