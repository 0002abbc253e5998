// KVM on riscv64: SBI in the kernel, the AIA in the kernel where the host has one, otherwise the
// external interrupt input of each vCPU driven by us (KVM_INTERRUPT)
// (Documentation/virt/kvm/api.rst; RISC-V SBI 2.0).
// Absent: switching ISA or SBI extensions off.
#include <algorithm>
#include <string_view>

#include "kvm/arch.h"
#include "kvm/riscv64_uapi.h"

namespace pv::kvm::arch {
namespace {

using namespace riscv;

const char* mmu_name(u64 satp_mode_value) {
  switch (satp_mode_value) {
    case 8: return "sv39";
    case 9: return "sv48";
    case 10: return "sv57";
  }
  return "";
}

void read_isa(const Vcpu& vcpu, machine::HostFacts& facts) {
  // Canonical order of the single letters (RISC-V unprivileged ISA, "ISA extension naming").
  constexpr std::string_view order = "imafdcv";
  for (char letter : order) {
    for (usize id = 0; id < isa_ext_names.size(); ++id) {
      u64 on = 0;
      if (std::string_view(isa_ext_names[id]) == std::string_view(&letter, 1) &&
          vcpu.try_get_reg(reg_ulong(reg_type_isa_ext, id), on) && on != 0)
        facts.isa_letters += letter;
    }
  }
  for (usize id = 0; id < isa_ext_names.size(); ++id) {
    std::string_view extension = isa_ext_names[id];
    u64 on = 0;
    if (extension.size() > 1 && vcpu.try_get_reg(reg_ulong(reg_type_isa_ext, id), on) && on != 0)
      facts.isa_extensions.emplace_back(extension);
  }
}

}  // namespace

Result<unsigned long> vm_type(const Fd& kvm, const VmSpec& spec) {
  int bits = try_ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_VM_GPA_BITS);
  if (bits > 0 && bits < 64 && (spec.highest_address >> bits) != 0)
    return fail(
        Error::Kind::usage,
        text("the guest's memory reaches {:#x}, but this host's guests have {} address bits",
             spec.highest_address, bits),
        "give the guest less memory with --mem");
  return 0ul;
}

Result<void> init_vm(Vm&) { return {}; }

Result<void> init_vcpu(Vm&, Vcpu& vcpu) {
  // The debug console is off until asked for, and only before the first run. A host without it
  // (before Linux 6.8) has the UART all the same.
  u64 on = 1;
  kvm_one_reg reg{reg_ulong(reg_type_sbi_ext, sbi_dbcn), reinterpret_cast<uintptr_t>(&on)};
  try_ioctl(vcpu.fd(), KVM_SET_ONE_REG, &reg);
  return {};
}

bool supports(const Vm& vm, machine::IrqChipKind kind) {
  if (kind == machine::IrqChipKind::plic) return true;  // ours
  if (kind != machine::IrqChipKind::aia) return false;
  kvm_create_device request{};
  request.type = dev_type_aia;
  request.flags = KVM_CREATE_DEVICE_TEST;
  return try_ioctl(vm.fd(), KVM_CREATE_DEVICE, &request) >= 0;
}

Result<void> create_irqchip(Vm& vm) {
  if (std::holds_alternative<machine::UserIrqChip>(vm.irqchip())) return {};
  if (!std::holds_alternative<machine::Aia>(vm.irqchip()))
    return fail(Error::Kind::host, "this interrupt controller does not exist on riscv64");
  kvm_create_device request{};
  request.type = dev_type_aia;
  TRY(checked_ioctl(vm.fd(), KVM_CREATE_DEVICE, "an AIA interrupt controller", &request,
                    "this host has no AIA for guests: use --irqchip plic"));
  vm.irqchip_fd() = Fd(static_cast<int>(request.fd));
  return {};
}

Result<void> finish_irqchip(Vm& vm) {
  const auto* aia = std::get_if<machine::Aia>(&vm.irqchip());
  if (aia == nullptr) return {};
  const Fd& fd = vm.irqchip_fd();
  u32 sources_wanted = aia->sources;
  TRY(set_device_attr(fd, AiaGroup::config, AiaConfig::sources, &sources_wanted, "AIA sources"));
  u32 hart_index_bits = 0;
  while ((1u << hart_index_bits) < vm.cpus()) ++hart_index_bits;
  TRY(set_device_attr(fd, AiaGroup::config, AiaConfig::hart_bits, &hart_index_bits, "AIA harts"));
  u64 aplic = aia->aplic;
  TRY(set_device_attr(fd, AiaGroup::address, aia_address_aplic, &aplic, "the APLIC's address"));
  for (unsigned cpu = 0; cpu < vm.cpus(); ++cpu) {
    u64 imsic = aia->imsic + u64{cpu} * 4_KiB;
    TRY(set_device_attr(fd, AiaGroup::address, aia_address_imsic(cpu), &imsic,
                        "an IMSIC's address"));
  }
  TRY(set_device_attr(fd, AiaGroup::control, aia_control_init, nullptr, "to start the AIA"));
  return {};
}

u32 encode_irq(u32 gsi) { return gsi; }

Result<machine::HostFacts> facts(const Vm& vm, Vcpu& vcpu) {
  machine::HostFacts facts;
  read_isa(vcpu, facts);
  facts.timebase_hz = static_cast<u32>(TRY(vcpu.get_reg(
      KVM_REG_RISCV | KVM_REG_SIZE_U64 | reg_type_timer | Timer::frequency, "the timebase")));
  u64 value = 0;
  if (vcpu.try_get_reg(reg_ulong(reg_type_config, Config::satp_mode), value))
    facts.mmu = mmu_name(value);
  if (vcpu.try_get_reg(reg_ulong(reg_type_config, Config::zicbom_block_size), value))
    facts.cbom_block = static_cast<u32>(value);
  if (vcpu.try_get_reg(reg_ulong(reg_type_config, Config::zicboz_block_size), value))
    facts.cboz_block = static_cast<u32>(value);
  if (std::holds_alternative<machine::Aia>(vm.irqchip())) {
    kvm_device_attr attr{};
    attr.group = AiaGroup::config;
    attr.attr = AiaConfig::ids;
    attr.addr = reinterpret_cast<uintptr_t>(&facts.aia_ids);
    TRY(checked_ioctl(const_cast<Vm&>(vm).irqchip_fd(), KVM_GET_DEVICE_ATTR, "AIA ids", &attr));
  }
  return facts;
}

Result<void> set_boot_state(Vm&, Vcpu& vcpu, const machine::BootState& state) {
  const auto& boot = std::get<machine::riscv64::BootState>(state);
  if (boot.stopped) return {};  // KVM stops all harts but the first
  TRY(vcpu.set_reg(reg_ulong(reg_type_core, Core::pc), boot.pc, "pc"));
  TRY(vcpu.set_reg(reg_ulong(reg_type_core, Core::a0), boot.a0, "a0"));
  TRY(vcpu.set_reg(reg_ulong(reg_type_core, Core::a1), boot.a1, "a1"));
  return {};
}

Result<hv::Exit> decode_exit(Vcpu& vcpu) {
  kvm_run& run = vcpu.page();
  if (run.exit_reason != KVM_EXIT_RISCV_SBI) return hv::Unknown{run.exit_reason};
  hv::Hypercall call{run.riscv_sbi.extension_id, run.riscv_sbi.function_id, {}};
  for (usize i = 0; i < call.arguments.size(); ++i) call.arguments[i] = run.riscv_sbi.args[i];
  return call;
}

void complete_call(Vcpu& vcpu, i64 error, u64 value) {
  vcpu.page().riscv_sbi.ret[0] = static_cast<unsigned long>(error);
  vcpu.page().riscv_sbi.ret[1] = value;
}

const bool input_by_own_thread = false;

void set_external_interrupt(Vcpu& vcpu, bool level) {
  kvm_interrupt request{};
  request.irq = level ? static_cast<u32>(KVM_INTERRUPT_SET) : static_cast<u32>(KVM_INTERRUPT_UNSET);
  ::ioctl(vcpu.fd().get(), KVM_INTERRUPT, &request);
}

u64 private_levels(Vcpu&) { return 0; }

Result<hv::Exit> explain_run_failure(Vcpu& vcpu, int error) {
  u64 where = 0;
  vcpu.try_get_reg(reg_ulong(reg_type_core, Core::pc), where);
  // A misaligned access to a device, or one by an instruction that KVM does not decode.
  if (error == EIO || error == EOPNOTSUPP) return hv::Unemulated{where};
  return fail_errno(text("vCPU {} cannot run (KVM_RUN), pc {:#x}", vcpu.index(), where), error);
}

}  // namespace pv::kvm::arch
