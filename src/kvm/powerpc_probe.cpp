// The doctor's questions to KVM on Book3E PowerPC (Documentation/virt/kvm/api.rst;
// devices/mpic.rst).
#include "kvm/probe.h"

namespace pv::kvm::arch {
namespace {

constexpr NamedCapability table[] = {
    PV_CAPABILITY(KVM_CAP_PPC_BOOKE_SREGS), PV_CAPABILITY(KVM_CAP_SW_TLB),
    PV_CAPABILITY(KVM_CAP_IRQ_MPIC),        PV_CAPABILITY(KVM_CAP_PPC_BOOKE_WATCHDOG),
    PV_CAPABILITY(KVM_CAP_PPC_GET_PVINFO),  PV_CAPABILITY(KVM_CAP_PPC_EPR),
};

int can_create(const Fd& vm, u32 type) {
  kvm_create_device request{};
  request.type = type;
  request.flags = KVM_CREATE_DEVICE_TEST;
  const int result = try_ioctl(vm, KVM_CREATE_DEVICE, &request);
  return result < 0 ? -result : 0;
}

}  // namespace

std::span<const NamedCapability> capabilities() { return table; }

void probe_controllers(const Fd& vm, doctor::KvmReport& report) {
  report.controllers = {{"mpic-4.2", can_create(vm, KVM_DEV_TYPE_FSL_MPIC_42)},
                        {"mpic-2.0", can_create(vm, KVM_DEV_TYPE_FSL_MPIC_20)}};
}

void probe_processor(doctor::KvmReport&) {}

void probe_vcpu(const Vm&, const Vcpu& vcpu, doctor::KvmReport& report) {
  kvm_sregs sregs{};
  if (try_ioctl(vcpu.fd(), KVM_GET_SREGS, &sregs) >= 0) report.facts.push_back({"pvr", sregs.pvr});
}

// RAM is the first 64 KiB of the boot mapping, the device lies in it too, above RAM.
TrialGuest trial_guest(const Vm&) {
  constexpr u64 entry = 0x2000;
  return {{0x3c, 0x80, 0x01, 0x00,   // lis r4, 0x0100
           0x38, 0x60, 0x00, 0x2a,   // li r3, 42
           0x38, 0x63, 0x00, 0x01,   // addi r3, r3, 1
           0x90, 0x64, 0x00, 0x00},  // stw r3, 0(r4)
          0,
          entry,
          0x0100'0000,
          machine::Mpic{0xfe04'0000},
          machine::powerpc::BootState{.pc = entry, .r1 = 0x8000, .mapping = 64_MiB}};
}

}  // namespace pv::kvm::arch
