// What a VmConfig must satisfy on any host, before anything is opened. What depends on the host
// (how many vCPUs its KVM allows) or on the image (how large it is) is checked where it is known.
#pragma once

#include "base/arch.h"
#include "base/result.h"
#include "config/vm_config.h"

namespace pv::config {

inline constexpr u32 max_cpus = 512;
inline constexpr u32 max_cpus_gicv2 = 8;  // the distributor's target field has 8 bits
inline constexpr u64 min_memory = 1_MiB;
// RAM must be a whole number of host pages, of which 64 KiB are the largest in use.
inline constexpr u64 memory_granule = 64_KiB;
inline constexpr u64 max_memory = max_guest_ram;
// Linux keeps 2048 bytes with the final zero on the architectures we know (COMMAND_LINE_SIZE).
inline constexpr usize max_params = 2047;
inline constexpr usize max_disks = 32;
inline constexpr usize max_name = 64;

// Errors (usage) begin with the field as in JSON: "memory: 1 byte is less than ...".
Result<void> validate(const VmConfig& config);

// A VM's name becomes a file's name: letters, digits, '.', '_' and '-', a letter or digit first.
Result<void> validate_name(std::string_view name);

}  // namespace pv::config
