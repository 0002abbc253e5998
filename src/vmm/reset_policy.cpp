#include "vmm/reset_policy.h"

#include "inspect/poison.h"

namespace pv::vmm {

Result<unsigned> apply_reset_policy(hv::Vcpu& vcpu, config::ResetPolicy policy,
                                    const std::function<u64()>& random) {
  unsigned replaced = 0;
  if (policy == config::ResetPolicy::kvm) return replaced;
  const hv::RegisterFile file =
      TRY(vcpu.read_registers({.general = false, .vector = false, .system = true}));
  for (usize i = 0; i < file.table.size(); ++i) {
    if (file.known[i] == 0 || file.table[i].group != hv::RegisterGroup::system ||
        file.values[i].low != inspect::kvm_poison)
      continue;
    const u64 value = policy == config::ResetPolicy::zero ? 0 : random();
    // A register that the host does not let us write keeps its value.
    if (vcpu.write_register(i, {value, 0})) ++replaced;
  }
  return replaced;
}

}  // namespace pv::vmm
