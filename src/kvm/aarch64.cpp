// KVM on aarch64: PSCI in the kernel, a virtual GICv3 or GICv2 or a GIC of our own, registers by
// KVM_SET_ONE_REG (Documentation/virt/kvm/api.rst, .../devices/arm-vgic*.rst, .../arm/). Absent:
// 32-bit guests, SVE, PMU, pointer authentication, memory tagging.
#include <cstddef>

#include "kvm/arch.h"

namespace pv::kvm::arch {
namespace {

constexpr u64 core_reg(usize offset) {
  return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (offset / sizeof(u32));
}
#define CORE_REG(field) core_reg(offsetof(kvm_regs, field))

unsigned bits(u64 highest) {
  unsigned n = 32;
  while (n < 64 && (highest >> n) != 0) ++n;
  return n;
}

u32 device_type(machine::IrqChipKind kind) {
  switch (kind) {
    case machine::IrqChipKind::gicv3: return KVM_DEV_TYPE_ARM_VGIC_V3;
    case machine::IrqChipKind::its: return KVM_DEV_TYPE_ARM_VGIC_ITS;
    default: return KVM_DEV_TYPE_ARM_VGIC_V2;
  }
}

// Messages for a GICv3.
Result<void> create_its(Vm& vm, u64 address) {
  kvm_create_device request{};
  request.type = device_type(machine::IrqChipKind::its);
  TRY(checked_ioctl(vm.fd(), KVM_CREATE_DEVICE, "an Interrupt Translation Service", &request,
                    "use --transport mmio, which needs none"));
  vm.its_fd() = Fd(static_cast<int>(request.fd));
  return set_device_attr(vm.its_fd(), KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &address,
                         "the ITS's address");
}

Result<void> set_address(const Fd& gic, u64 attr, u64 address, const char* what) {
  return set_device_attr(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, attr, &address, what);
}

Result<Fd> create_gic(Vm& vm, machine::IrqChipKind kind) {
  kvm_create_device request{};
  request.type = device_type(kind);
  TRY(checked_ioctl(vm.fd(), KVM_CREATE_DEVICE, "a virtual interrupt controller", &request,
                    kind == machine::IrqChipKind::gicv2
                        ? "this host has no GICv2 CPU interface for guests (a GICv3 without the "
                          "compatibility option, or kvm-arm.mode=protected): use --irqchip gicv3"
                        : "this host's interrupt controller is not a GICv3: use --irqchip gicv2"));
  return Fd(static_cast<int>(request.fd));
}

}  // namespace

Result<unsigned long> vm_type(const Fd& kvm, const VmSpec& spec) {
  int limit = try_ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE);
  unsigned needed = bits(spec.highest_address);
  if (limit <= 0) {  // before Linux 4.20 every VM had 40 bits
    if (needed <= 40) return 0ul;
    limit = 40;
  }
  if (needed > static_cast<unsigned>(limit))
    return fail(
        Error::Kind::usage,
        text("the guest's memory reaches {:#x}, but this host's guests have {} address bits",
             spec.highest_address, limit),
        "give the guest less memory with --mem");
  return KVM_VM_TYPE_ARM_IPA_SIZE(static_cast<unsigned long>(needed));
}

Result<void> init_vm(Vm& vm) {
  // An access without syndrome then comes to us and is explained, instead of failing KVM_RUN.
  kvm_enable_cap cap{};
  cap.cap = KVM_CAP_ARM_NISV_TO_USER;
  try_ioctl(vm.fd(), KVM_ENABLE_CAP, &cap);
  return {};
}

Result<void> init_vcpu(Vm&, Vcpu&) { return {}; }  // set_boot_state() initialises

bool supports(const Vm& vm, machine::IrqChipKind kind) {
  if (kind == machine::IrqChipKind::user) return vm.capability(KVM_CAP_ARM_USER_IRQ) > 0;
  if (kind != machine::IrqChipKind::gicv2 && kind != machine::IrqChipKind::gicv3 &&
      kind != machine::IrqChipKind::its)
    return false;
  kvm_create_device request{};
  request.type = device_type(kind);
  request.flags = KVM_CREATE_DEVICE_TEST;
  return try_ioctl(vm.fd(), KVM_CREATE_DEVICE, &request) >= 0;
}

Result<void> create_irqchip(Vm& vm) {
  if (const auto* v3 = std::get_if<machine::GicV3>(&vm.irqchip())) {
    vm.irqchip_fd() = TRY(create_gic(vm, machine::IrqChipKind::gicv3));
    TRY(set_address(vm.irqchip_fd(), KVM_VGIC_V3_ADDR_TYPE_DIST, v3->distributor,
                    "the GICv3 distributor's address"));
    TRY(set_address(vm.irqchip_fd(), KVM_VGIC_V3_ADDR_TYPE_REDIST, v3->redistributors,
                    "the GICv3 redistributors' address"));
    if (v3->its != 0) TRY(create_its(vm, v3->its));
  } else if (const auto* v2 = std::get_if<machine::GicV2>(&vm.irqchip())) {
    vm.irqchip_fd() = TRY(create_gic(vm, machine::IrqChipKind::gicv2));
    TRY(set_address(vm.irqchip_fd(), KVM_VGIC_V2_ADDR_TYPE_DIST, v2->distributor,
                    "the GICv2 distributor's address"));
    TRY(set_address(vm.irqchip_fd(), KVM_VGIC_V2_ADDR_TYPE_CPU, v2->cpu_interface,
                    "the GICv2 CPU interface's address"));
  } else if (!std::holds_alternative<machine::UserIrqChip>(vm.irqchip())) {
    return fail(Error::Kind::host, "this interrupt controller does not exist on aarch64");
  }
  return {};
}

Result<void> finish_irqchip(Vm& vm) {
  if (std::holds_alternative<machine::UserIrqChip>(vm.irqchip())) return {};
  const auto* v3 = std::get_if<machine::GicV3>(&vm.irqchip());
  u32 irqs = v3 != nullptr ? v3->irqs : std::get<machine::GicV2>(vm.irqchip()).irqs;
  TRY(set_device_attr(vm.irqchip_fd(), KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs,
                      "the number of GIC interrupts"));
  TRY(set_device_attr(vm.irqchip_fd(), KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT,
                      nullptr, "to start the virtual GIC"));
  if (vm.its_fd().valid())
    TRY(set_device_attr(vm.its_fd(), KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, nullptr,
                        "to start the ITS"));
  return {};
}

u32 encode_irq(u32 gsi) {
  constexpr u32 first_spi = 32;
  return (KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT) | (gsi + first_spi);
}

Result<machine::HostFacts> facts(const Vm&, Vcpu&) { return machine::HostFacts{}; }

Result<void> set_boot_state(Vm& vm, Vcpu& vcpu, const machine::BootState& state) {
  const auto& boot = std::get<machine::aarch64::BootState>(state);
  kvm_vcpu_init init{};
  TRY(checked_ioctl(vm.fd(), KVM_ARM_PREFERRED_TARGET, "the CPU's type (KVM_ARM_PREFERRED_TARGET)",
                    &init));
  init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
  if (boot.powered_off) init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
  // Also resets a vCPU that has run.
  TRY(checked_ioctl(vcpu.fd(), KVM_ARM_VCPU_INIT, "to start the vCPU (KVM_ARM_VCPU_INIT)", &init));
  if (boot.powered_off) return {};
  TRY(vcpu.set_reg(CORE_REG(regs.pc), boot.pc, "PC"));
  TRY(vcpu.set_reg(CORE_REG(regs.regs[0]), boot.x0, "X0"));
  return {};
}

Result<hv::Exit> decode_exit(Vcpu& vcpu) {
  kvm_run& run = vcpu.page();
  if (run.exit_reason == KVM_EXIT_ARM_NISV)
    return hv::Nisv{run.arm_nisv.esr_iss, memory::GuestAddress(run.arm_nisv.fault_ipa)};
  return hv::Unknown{run.exit_reason};
}

void complete_call(Vcpu&, i64, u64) {}

const bool input_by_own_thread = true;

// The IRQ input of a vCPU without a virtual GIC.
void set_external_interrupt(Vcpu& vcpu, bool level) {
  kvm_irq_level request{};
  request.irq = KVM_ARM_IRQ_TYPE_CPU << KVM_ARM_IRQ_TYPE_SHIFT |
                vcpu.index() << KVM_ARM_IRQ_VCPU_SHIFT | KVM_ARM_IRQ_CPU_IRQ;
  request.level = level ? 1 : 0;
  ::ioctl(vcpu.vm().get(), KVM_IRQ_LINE, &request);
}

u64 private_levels(Vcpu& vcpu) {
  u64 levels = vcpu.page().s.regs.device_irq_level;
  auto bit = [&](u64 kvm_bit, hv::Vcpu::Private which) {
    return (levels & kvm_bit) != 0 ? u64{1} << static_cast<unsigned>(which) : 0;
  };
  return bit(KVM_ARM_DEV_EL1_VTIMER, hv::Vcpu::Private::virtual_timer) |
         bit(KVM_ARM_DEV_EL1_PTIMER, hv::Vcpu::Private::physical_timer) |
         bit(KVM_ARM_DEV_PMU, hv::Vcpu::Private::pmu);
}

Result<hv::Exit> explain_run_failure(Vcpu& vcpu, int error) {
  u64 pc = 0;
  vcpu.try_get_reg(CORE_REG(regs.pc), pc);
  // Without KVM_CAP_ARM_NISV_TO_USER: a data abort outside RAM with no valid syndrome.
  if (error == ENOSYS) return hv::Unemulated{pc};
  return fail_errno(text("vCPU {} cannot run (KVM_RUN), PC {:#x}", vcpu.index(), pc), error);
}

}  // namespace pv::kvm::arch
