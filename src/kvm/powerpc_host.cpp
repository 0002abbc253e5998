#include "kvm/powerpc_host.h"

#include <linux/kvm.h>

#include <cerrno>

namespace pv::kvm {

Result<void> check_booke_host(const HasCapability& has) {
  if (!has(KVM_CAP_PPC_BOOKE_SREGS) || !has(KVM_CAP_SW_TLB))
    return fail_check("book3e",
                      "this host's KVM is not one for Book3E processors (e500v2, e500mc, e5500, "
                      "e6500)");
  if (!has(KVM_CAP_DEVICE_CTRL) || !has(KVM_CAP_IRQ_MPIC))
    return fail_check("mpic", "this host's KVM has no interrupt controller for guests (MPIC)");
  if (!has(KVM_CAP_IRQ_ROUTING))
    return fail_check("mpic", "this host's KVM cannot route interrupts (KVM_CAP_IRQ_ROUTING)");
  return {};
}

Result<MpicDevice> create_mpic(const std::function<Fd(u32)>& create) {
  struct Model {
    u32 type;
    u32 sources;
  };
  for (const Model& model :
       {Model{KVM_DEV_TYPE_FSL_MPIC_42, 256}, Model{KVM_DEV_TYPE_FSL_MPIC_20, 80}}) {
    Fd fd = create(model.type);
    if (fd.valid()) return MpicDevice{std::move(fd), model.sources};
  }
  return fail_errno("KVM refused an interrupt controller, MPIC 4.2 as well as 2.0", errno,
                    "the host kernel needs CONFIG_KVM_MPIC=y");
}

}  // namespace pv::kvm
