// The doctor's questions to KVM and the processor on x86_64 (Documentation/virt/kvm/api.rst; Intel
// SDM 2A "CPUID"; AMD APM 3, appendix E).
#include <cpuid.h>

#include "kvm/probe.h"

namespace pv::kvm::arch {
namespace {

constexpr NamedCapability table[] = {
    PV_CAPABILITY(KVM_CAP_TSC_CONTROL),   PV_CAPABILITY(KVM_CAP_TSC_DEADLINE_TIMER),
    PV_CAPABILITY(KVM_CAP_SPLIT_IRQCHIP), PV_CAPABILITY(KVM_CAP_ADJUST_CLOCK),
    PV_CAPABILITY(KVM_CAP_X2APIC_API),    PV_CAPABILITY(KVM_CAP_PIT2),
    PV_CAPABILITY(KVM_CAP_VCPU_EVENTS),   PV_CAPABILITY(KVM_CAP_DEBUGREGS),
    PV_CAPABILITY(KVM_CAP_XSAVE2),        PV_CAPABILITY(KVM_CAP_NESTED_STATE),
};

}  // namespace

std::span<const NamedCapability> capabilities() { return table; }

void probe_controllers(const Fd& vm, doctor::KvmReport& report) {
  const int result = try_ioctl(vm, KVM_CREATE_IRQCHIP);
  report.controllers = {{"pc", result < 0 ? -result : 0}};
}

void probe_processor(doctor::KvmReport& report) {
  u32 a, b, c = 0, d;
  const bool basic = __get_cpuid(1, &a, &b, &c, &d) != 0;
  report.facts.push_back({"vmx", basic && (c & (1u << 5)) != 0});
  report.facts.push_back({"hypervisor", basic && (c & (1u << 31)) != 0});
  report.facts.push_back(
      {"svm", __get_cpuid(0x8000'0001, &a, &b, &c, &d) != 0 && (c & (1u << 2)) != 0});
}

void probe_vcpu(const Vm&, const Vcpu& vcpu, doctor::KvmReport& report) {
  const int khz = try_ioctl(vcpu.fd(), KVM_GET_TSC_KHZ);
  if (khz > 0) report.facts.push_back({"tsc_khz", khz});
}

// 32-bit protected mode without paging, as PVH enters.
TrialGuest trial_guest(const Vm&) {
  constexpr u64 entry = 0x1000;
  machine::x86_64::BootState state;
  state.rip = entry;
  state.cr0 = 0x11;
  state.cs = {0, 0xffff'ffff, 0x10, 11, false, true, true, true};
  state.ds = {0, 0xffff'ffff, 0x18, 3, false, true, true, true};
  state.tss = {0, 0x67, 0x20, 11, false, false, false, false};
  return {{0xb8, 42, 0, 0, 0,    // mov eax, 42
           0xbb, 0, 0, 0, 0xd0,  // mov ebx, 0xd0000000
           0x40,                 // inc eax
           0x89, 0x03},          // mov [ebx], eax
          0,
          entry,
          0xd000'0000,
          machine::PcIrqChip{},
          state};
}

}  // namespace pv::kvm::arch
