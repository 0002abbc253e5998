// The CPUID that a guest sees: what KVM supports here, with each vCPU's own APIC id and a flat
// topology of one package with `cpus` cores (Intel SDM 2A "CPUID"; AMD APM 3, appendix E).
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace pv::kvm {

// Reads KVM_GET_SUPPORTED_CPUID from `kvm`, adapts it to vCPU `index` of `cpus` and gives it to
// `vcpu`. `tsc_khz` is told in the hypervisor's timing leaf, so that no guest has to measure it.
Result<void> set_cpuid(const Fd& kvm, const Fd& vcpu, unsigned index, unsigned cpus, u32 tsc_khz,
                       bool tsc_deadline);

}  // namespace pv::kvm
