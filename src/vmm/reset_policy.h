// What a vCPU's registers hold at the first instruction where nobody promises anything.
//
// KVM on aarch64 fills system registers whose content is unknown after reset with one value
// (inspect/poison.h). A guest that reads one before it has written it then fails under KVM, and may
// work elsewhere. Replacing the value shows whether that is the reason. Other architectures' KVM
// leaves nothing unknown: there this changes nothing. Absent: CPUs that the guest starts by PSCI,
// which KVM resets once more at that moment; registers outside hv::register_table().
#pragma once

#include <functional>

#include "config/vm_config.h"
#include "hv/vcpu.h"

namespace pv::vmm {

// After the boot state has been set. `random` gives a new number each time. Returns how many
// registers were replaced. Errors (host): they cannot be read.
Result<unsigned> apply_reset_policy(hv::Vcpu& vcpu, config::ResetPolicy policy,
                                    const std::function<u64()>& random);

}  // namespace pv::vmm
