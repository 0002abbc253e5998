// The VM configuration of Android's Virtualization Framework ("raw" form: what `vm run FILE.json`
// reads; packages/modules/Virtualization, libs/vmconfig) as a VmConfig. Absent, and refused by
// name: protected VMs, bootloaders, partitions (composite disks), assigned devices, and whatever
// else the form has or will have.
#pragma once

#include "config/json_reading.h"
#include "config/vm_config.h"

namespace pv::config {

// Whether an object is of that form: it has a field that only that form has.
bool looks_like_avf(const Json& document);

// Errors (usage) name the field: what is expected there, or why we do not have it and what to use.
Result<VmConfig> from_avf(const Json& document);

}  // namespace pv::config
