// The ACPI tables of the x86_64 board (ACPI 6.5, chapter 5): RSDP, XSDT, FADT, FACS, MADT, DSDT,
// with PCI also MCFG (PCI Firmware 3.2, section 4.1.2).
// They say what a kernel would otherwise probe for at the price of an exit each: which CPUs and
// virtio-mmio windows there are, how to power off and reset, that there is no keyboard controller.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/types.h"
#include "machine/pci_map.h"

namespace pv::machine::x86_64 {

struct AcpiVirtio {
  u32 address;
  u32 gsi;
};

// A PCI host bridge, and behind it devices up to 00:last_device.0.
struct AcpiPci {
  PciMap map;
  unsigned last_device;
};

// The tables as they lie in memory from `base` (16-byte aligned) on; the RSDP comes first.
std::vector<u8> acpi_tables_at(u64 base, unsigned cpus, std::span<const AcpiVirtio> virtio,
                               const std::optional<AcpiPci>& pci = {});

}  // namespace pv::machine::x86_64
