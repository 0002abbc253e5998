// KVM on x86_64: 8259s, I/O APIC, local APICs and PIT in the kernel
// (Documentation/virt/kvm/api.rst, .../x86/).
// Absent: split irqchip, Hyper-V enlightenments, SMM.
#include <cpuid.h>

#include "kvm/arch.h"
#include "kvm/x86_64_cpuid.h"

namespace pv::kvm::arch {
namespace {

// Pages that KVM on older Intel CPUs needs below 4 GiB and outside of RAM; QEMU's choice.
constexpr u64 identity_map = 0xfeff'c000;
constexpr u64 tss_pages = 0xfeff'd000;

constexpr u32 msr_misc_enable = 0x1a0;
constexpr u32 msr_mtrr_default = 0x2ff;

// KVM without VMX or SVM underneath: KVM-PVM runs ring 0 by emulation.
bool no_hardware_virtualisation() {
  u32 a, b, c, d;
  bool vmx = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & (1u << 5)) != 0;
  bool svm = __get_cpuid(0x8000'0001, &a, &b, &c, &d) != 0 && (c & (1u << 2)) != 0;
  return !vmx && !svm;
}

kvm_segment segment(const machine::x86_64::Segment& s, bool usable = true) {
  kvm_segment out{};
  out.base = s.base;
  out.limit = s.limit;
  out.selector = s.selector;
  out.type = s.type;
  out.present = usable ? 1 : 0;
  out.db = s.big ? 1 : 0;
  out.s = s.code_or_data ? 1 : 0;
  out.l = s.long_mode ? 1 : 0;
  out.g = s.granular ? 1 : 0;
  out.unusable = usable ? 0 : 1;
  return out;
}

Result<void> set_system_registers(Vcpu& vcpu, const machine::x86_64::BootState& boot) {
  kvm_sregs sregs{};
  TRY(checked_ioctl(vcpu.fd(), KVM_GET_SREGS, "KVM_GET_SREGS", &sregs));
  sregs.cr0 = boot.cr0;
  sregs.cr3 = boot.cr3;
  sregs.cr4 = boot.cr4;
  sregs.efer = boot.efer;
  sregs.cs = segment(boot.cs);
  sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = segment(boot.ds);
  sregs.tr = segment(boot.tss);
  sregs.ldt = segment({}, false);
  sregs.gdt.base = boot.gdt_base;
  sregs.gdt.limit = boot.gdt_limit;
  sregs.idt.base = 0;
  sregs.idt.limit = 0;
  TRY(checked_ioctl(vcpu.fd(), KVM_SET_SREGS, "the CPU's system registers (KVM_SET_SREGS)",
                    &sregs));
  return {};
}

Result<void> set_msrs(Vcpu& vcpu) {
  constexpr unsigned long set_msrs_request = _IOW(KVMIO, 0x89, u64);  // KVM_SET_MSRS
  Counted<kvm_msr_entry, 2> msrs;
  msrs.count = 2;
  msrs.entries[0] = {msr_misc_enable, 0, 1};           // fast string operations
  msrs.entries[1] = {msr_mtrr_default, 0, 0x800 | 6};  // MTRRs on, default write-back
  TRY(checked_ioctl(vcpu.fd(), set_msrs_request, "KVM_SET_MSRS", &msrs));
  return {};
}

// LINT0 as ExtINT and LINT1 as NMI: the virtual wire mode that firmware leaves behind.
Result<void> set_virtual_wire(Vcpu& vcpu) {
  kvm_lapic_state lapic{};
  TRY(checked_ioctl(vcpu.fd(), KVM_GET_LAPIC, "KVM_GET_LAPIC", &lapic));
  auto set_mode = [&](usize offset, u32 mode) {
    u32 value;
    __builtin_memcpy(&value, lapic.regs + offset, sizeof value);
    value = (value & ~0x1'0700u) | (mode << 8);
    __builtin_memcpy(lapic.regs + offset, &value, sizeof value);
  };
  set_mode(0x350, 7);
  set_mode(0x360, 4);
  TRY(checked_ioctl(vcpu.fd(), KVM_SET_LAPIC, "KVM_SET_LAPIC", &lapic));
  return {};
}

}  // namespace

Result<unsigned long> vm_type(const Fd&, const VmSpec&) { return 0ul; }

Result<void> init_vm(Vm& vm) {
  u64 address = identity_map;
  TRY(checked_ioctl(vm.fd(), KVM_SET_IDENTITY_MAP_ADDR, "KVM_SET_IDENTITY_MAP_ADDR", &address));
  TRY(checked_ioctl(vm.fd(), KVM_SET_TSS_ADDR, "KVM_SET_TSS_ADDR",
                    static_cast<unsigned long>(tss_pages)));
  return {};
}

Result<void> init_vcpu(Vm& vm, Vcpu& vcpu) {
  int khz = try_ioctl(vcpu.fd(), KVM_GET_TSC_KHZ);
  TRY(set_cpuid(vm.kvm(), vcpu.fd(), vcpu.index(), vm.cpus(), khz > 0 ? static_cast<u32>(khz) : 0,
                vm.capability(KVM_CAP_TSC_DEADLINE_TIMER) > 0));
  return {};
}

bool supports(const Vm& vm, machine::IrqChipKind kind) {
  return kind == machine::IrqChipKind::pc && vm.capability(KVM_CAP_IRQCHIP) > 0;
}

Result<void> create_irqchip(Vm& vm) {
  if (!std::holds_alternative<machine::PcIrqChip>(vm.irqchip()))
    return fail(Error::Kind::host, "this interrupt controller does not exist on x86_64");
  TRY(checked_ioctl(vm.fd(), KVM_CREATE_IRQCHIP, "interrupt controllers (KVM_CREATE_IRQCHIP)"));
  kvm_pit_config pit{};
  pit.flags = KVM_PIT_SPEAKER_DUMMY;
  TRY(checked_ioctl(vm.fd(), KVM_CREATE_PIT2, "an interval timer (KVM_CREATE_PIT2)", &pit));
  return {};
}

Result<void> finish_irqchip(Vm&) { return {}; }
u32 encode_irq(u32 gsi) { return gsi; }

Result<machine::HostFacts> facts(const Vm&, Vcpu& vcpu) {
  machine::HostFacts facts;
  int khz = try_ioctl(vcpu.fd(), KVM_GET_TSC_KHZ);
  facts.tsc_khz = khz > 0 ? static_cast<u32>(khz) : 0;
  facts.software_virtualised = no_hardware_virtualisation();
  return facts;
}

Result<void> set_boot_state(Vm&, Vcpu& vcpu, const machine::BootState& state) {
  const auto& boot = std::get<machine::x86_64::BootState>(state);
  TRY(set_msrs(vcpu));
  TRY(set_virtual_wire(vcpu));
  if (boot.wait_for_sipi) return {};
  TRY(set_system_registers(vcpu, boot));
  kvm_regs regs{};
  regs.rip = boot.rip;
  regs.rsp = boot.rsp;
  regs.rsi = boot.rsi;
  regs.rbx = boot.rbx;
  regs.rflags = 2;
  TRY(checked_ioctl(vcpu.fd(), KVM_SET_REGS, "the CPU's registers (KVM_SET_REGS)", &regs));
  return {};
}

Result<hv::Exit> decode_exit(Vcpu& vcpu) { return hv::Unknown{vcpu.page().exit_reason}; }
void complete_call(Vcpu&, i64, u64) {}
const bool input_by_own_thread = false;

void set_external_interrupt(Vcpu&, bool) {}

u64 private_levels(Vcpu&) { return 0; }

Result<hv::Exit> explain_run_failure(Vcpu& vcpu, int error) {
  kvm_regs regs{};
  try_ioctl(vcpu.fd(), KVM_GET_REGS, &regs);
  return fail_errno(text("vCPU {} cannot run (KVM_RUN), rip {:#x}", vcpu.index(), regs.rip), error);
}

}  // namespace pv::kvm::arch
