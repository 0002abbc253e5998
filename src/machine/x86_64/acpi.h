// The ACPI tables of the x86_64 board (ACPI 6.5, chapter 5): RSDP, XSDT, FADT, FACS, MADT, DSDT.
// They say what a kernel would otherwise probe for at the price of an exit each: which CPUs and
// virtio-mmio windows there are, how to power off and reset, that there is no keyboard controller.
#pragma once

#include <span>
#include <vector>

#include "base/types.h"

namespace pv::machine::x86_64 {

struct AcpiVirtio {
  u32 address;
  u32 gsi;
};

// The tables as they lie in memory from `base` (16-byte aligned) on; the RSDP comes first.
std::vector<u8> acpi_tables_at(u64 base, unsigned cpus, std::span<const AcpiVirtio> virtio);

}  // namespace pv::machine::x86_64
