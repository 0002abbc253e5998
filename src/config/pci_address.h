// Where a virtio device is on the PCI bus: pci-address=00:05.0, as crosvm writes it. There is one
// bus, and devices have function 0 only; 00:00.0 is the host bridge.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace pv::config {

struct VmConfig;

// "[DOMAIN:]BUS:DEVICE.FUNCTION" in hexadecimal; returns the device's number, 1 to 31. Errors
// (usage) say what there is instead.
Result<u32> parse_pci_address(std::string_view text);

// Each address that is given: it is one, there is a PCI bus, and no other device is there. The
// ports of the virtio console are one device. Errors (usage) name the field.
Result<void> validate_pci_addresses(const VmConfig& config);

// The device number of such a field that is valid; 0: it is empty, and any will do.
u32 pci_device(std::string_view address);
// Of the virtio console.
u32 console_pci_device(const VmConfig& config);

}  // namespace pv::config
