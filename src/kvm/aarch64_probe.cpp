// The doctor's questions to KVM on aarch64 (Documentation/virt/kvm/api.rst, devices/arm-vgic*.rst).
#include "kvm/probe.h"

namespace pv::kvm::arch {
namespace {

// Where nothing but the trial's guest looks; any place outside its RAM would do.
constexpr u64 distributor = 0x0800'0000;
constexpr u64 redistributors = 0x080a'0000;
constexpr u64 cpu_interface = 0x0801'0000;
constexpr u32 irqs = 64;

int can_create(const Fd& vm, u32 type) {
  kvm_create_device request{};
  request.type = type;
  request.flags = KVM_CREATE_DEVICE_TEST;
  const int result = try_ioctl(vm, KVM_CREATE_DEVICE, &request);
  return result < 0 ? -result : 0;
}

constexpr NamedCapability table[] = {
    PV_CAPABILITY(KVM_CAP_ARM_VM_IPA_SIZE),
    PV_CAPABILITY(KVM_CAP_ARM_PSCI_0_2),
    PV_CAPABILITY(KVM_CAP_ARM_NISV_TO_USER),
    PV_CAPABILITY(KVM_CAP_ARM_INJECT_EXT_DABT),
    PV_CAPABILITY(KVM_CAP_ARM_SVE),
    PV_CAPABILITY(KVM_CAP_ARM_PMU_V3),
    PV_CAPABILITY(KVM_CAP_ARM_MTE),
    PV_CAPABILITY(KVM_CAP_ARM_USER_IRQ),
    PV_CAPABILITY(KVM_CAP_ARM_PTRAUTH_ADDRESS),
    PV_CAPABILITY(KVM_CAP_ARM_EL1_32BIT),
    PV_CAPABILITY(KVM_CAP_ARM_PTRAUTH_GENERIC),
};

}  // namespace

std::span<const NamedCapability> capabilities() { return table; }

void probe_controllers(const Fd& vm, doctor::KvmReport& report) {
  report.controllers = {{"gicv3", can_create(vm, KVM_DEV_TYPE_ARM_VGIC_V3)},
                        {"gicv2", can_create(vm, KVM_DEV_TYPE_ARM_VGIC_V2)},
                        {"its", can_create(vm, KVM_DEV_TYPE_ARM_VGIC_ITS)}};
}

void probe_processor(doctor::KvmReport&) {}

void probe_vcpu(const Vm& vm, const Vcpu&, doctor::KvmReport& report) {
  kvm_vcpu_init init{};
  if (try_ioctl(vm.fd(), KVM_ARM_PREFERRED_TARGET, &init) >= 0)
    report.facts.push_back({"target", init.target});
}

TrialGuest trial_guest(const Vm& vm) {
  machine::IrqChip chip = machine::UserIrqChip{};
  if (vm.supports(machine::IrqChipKind::gicv2))
    chip = machine::GicV2{distributor, cpu_interface, irqs};
  if (vm.supports(machine::IrqChipKind::gicv3))
    chip = machine::GicV3{distributor, redistributors, irqs};
  constexpr u64 base = 0x4000'0000;
  return {{0x01, 0x00, 0xa2, 0xd2,   // movz x1, #0x1000, lsl #16
           0x40, 0x05, 0x80, 0x52,   // movz w0, #42
           0x00, 0x04, 0x00, 0x11,   // add w0, w0, #1
           0x20, 0x00, 0x00, 0xb9},  // str w0, [x1]
          base,
          base,
          0x1000'0000,
          chip,
          machine::aarch64::BootState{.pc = base}};
}

}  // namespace pv::kvm::arch
