// KVM on PowerPC Book3E, that is e500v2, e500mc, e5500 and e6500: a TLB that we share with the
// kernel and whose first entry is the boot mapping, an MPIC in the kernel, the ePAPR hypercalls
// that the kernel answers (Documentation/virt/kvm/api.rst, 4.59 KVM_DIRTY_TLB, 6.1 and 6.2
// KVM_CAP_SW_TLB; devices/mpic.rst; ePAPR 1.1). Absent: Book3S, device control registers,
// interrupts without an MPIC in the kernel (EPR exits).
#include <fcntl.h>
#include <sys/auxv.h>

#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "kvm/arch.h"
#include "kvm/powerpc_host.h"
#include "kvm/powerpc_tlb.h"

namespace pv::kvm::arch {
namespace {

constexpr u32 boot_entry = tlb0_entries;  // the first of TLB1
constexpr u32 mas1_valid = 0x8000'0000;
constexpr u64 mas2_coherent = 4;
constexpr u64 mas3_all = 0x3f;  // user and supervisor may execute, write and read

using TlbEntry = kvm_book3e_206_tlb_entry;

bool has(const Fd& fd, int capability) {
  return try_ioctl(fd, KVM_CHECK_EXTENSION, static_cast<unsigned long>(capability)) > 0;
}

// Entries of TLB1: what the core has, so that guests find the geometry they know. The host's own
// TLB1CFG is not to be had, and KVM's default (KVM_REG_PPC_TLB1CFG) is 16 for any core.
u32 tlb1_entries(u32 processor_version) { return processor_version >> 16 >= 0x8023 ? 64 : 16; }

Result<kvm_sregs> read_sregs(const Vcpu& vcpu) {
  kvm_sregs sregs{};
  TRY(checked_ioctl(vcpu.fd(), KVM_GET_SREGS, "a vCPU's special registers (KVM_GET_SREGS)",
                    &sregs));
  return sregs;
}

Result<void> enable(const Vcpu& vcpu, u32 capability, const char* name, u64 first, u64 second = 0) {
  kvm_enable_cap request{};
  request.cap = capability;
  request.args[0] = first;
  request.args[1] = second;
  TRY(checked_ioctl(vcpu.fd(), KVM_ENABLE_CAP, name, &request));
  return {};
}

Result<void> share_tlb(Vcpu& vcpu) {
  kvm_sregs sregs = TRY(read_sregs(vcpu));
  u32 tlb1 = tlb1_entries(sregs.pvr);
  kvm_book3e_206_tlb_params params{};
  params.tlb_sizes[0] = tlb0_entries;
  params.tlb_ways[0] = tlb0_ways;
  params.tlb_sizes[1] = params.tlb_ways[1] = tlb1;
  usize size = (tlb0_entries + tlb1) * sizeof(TlbEntry);
  TRY(vcpu.share(size));
  kvm_config_tlb config{};
  config.params = reinterpret_cast<uintptr_t>(&params);
  config.array = reinterpret_cast<uintptr_t>(vcpu.shared());
  config.array_len = static_cast<u32>(size);
  config.mmu_type = KVM_MMU_FSL_BOOKE_NOHV;
  return enable(vcpu, KVM_CAP_SW_TLB, "a shared TLB (KVM_CAP_SW_TLB)",
                reinterpret_cast<uintptr_t>(&config));
}

// Effective address 0 to physical address 0, coherent between CPUs (M), which ePAPR asks of what
// CPUs wait in. MAS1[TSIZE] is the logarithm of the size in KiB.
Result<void> map_for_boot(Vcpu& vcpu, u64 size) {
  TlbEntry entry{};
  entry.mas1 = mas1_valid | static_cast<u32>(std::countr_zero(size) - 10) << 7;
  entry.mas2 = mas2_coherent;
  entry.mas7_3 = mas3_all;
  std::memcpy(static_cast<u8*>(vcpu.shared()) + boot_entry * sizeof entry, &entry, sizeof entry);
  std::array<u8, (tlb0_entries + 64) / 8> bitmap{};
  bitmap[boot_entry / 8] = 1;
  kvm_dirty_tlb dirty{};
  dirty.bitmap = reinterpret_cast<uintptr_t>(bitmap.data());
  dirty.num_dirty = 1;
  TRY(checked_ioctl(vcpu.fd(), KVM_DIRTY_TLB, "the boot mapping (KVM_DIRTY_TLB)", &dirty));
  return {};
}

// A device of this type, or an invalid descriptor.
Fd create_device(const Vm& vm, u32 type) {
  kvm_create_device request{};
  request.type = type;
  if (try_ioctl(vm.fd(), KVM_CREATE_DEVICE, &request) < 0) return Fd();
  return Fd(static_cast<int>(request.fd));
}

// GSI n is the MPIC's source n.
template <u32 sources>
Result<void> route(const Vm& vm) {
  auto table = std::make_unique<Counted<kvm_irq_routing_entry, sources>>();
  table->count = sources;
  for (u32 i = 0; i < sources; ++i) {
    table->entries[i].gsi = i;
    table->entries[i].type = KVM_IRQ_ROUTING_IRQCHIP;
    table->entries[i].u.irqchip.pin = i;
  }
  constexpr unsigned long request = _IOW(KVMIO, 0x6a, u64);  // KVM_SET_GSI_ROUTING
  TRY(checked_ioctl(vm.fd(), request, "interrupt routing (KVM_SET_GSI_ROUTING)", table.get()));
  return {};
}

// The number after `key` and a colon in /proc/cpuinfo, whose first kilobytes are `text`; 0: none.
u64 number_after(std::string_view text, std::string_view key) {
  usize at = text.find(key);
  if (at == text.npos) return 0;
  at = text.find(':', at);
  if (at == text.npos) return 0;
  while (++at < text.size() && text[at] == ' ') {
  }
  u64 number = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    number = number * 10 + static_cast<u64>(text[at] - '0');
  return number;
}

Result<void> read_clocks(machine::HostFacts& facts) {
  Fd file(::open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC));
  std::array<char, 65536> buffer{};
  usize length = 0;
  while (file.valid() && length < buffer.size()) {
    auto got = ::read(file.get(), buffer.data() + length, buffer.size() - length);
    if (got <= 0) break;
    length += static_cast<usize>(got);
  }
  std::string_view text(buffer.data(), length);
  facts.timebase_hz = static_cast<u32>(number_after(text, "timebase\t"));
  if (facts.timebase_hz == 0)
    return fail_check("timebase",
                      "the host does not tell the frequency of its timebase (/proc/cpuinfo)",
                      "mount /proc");
  u64 megahertz = number_after(text, "clock\t");
  facts.clock_hz = megahertz == 0 ? facts.timebase_hz : static_cast<u32>(megahertz * 1'000'000);
  return {};
}

}  // namespace

Result<unsigned long> vm_type(const Fd& kvm, const VmSpec&) {
  TRY(check_booke_host([&](int capability) { return has(kvm, capability); }));
  return 0ul;
}

Result<void> init_vm(Vm&) { return {}; }

Result<void> init_vcpu(Vm& vm, Vcpu& vcpu) {
  TRY(share_tlb(vcpu));
  if (std::holds_alternative<machine::Mpic>(vm.irqchip())) {
    TRY(enable(vcpu, KVM_CAP_IRQ_MPIC, "the connection of a vCPU to the MPIC (KVM_CAP_IRQ_MPIC)",
               static_cast<u64>(vm.irqchip_fd().get()), vcpu.index()));
    vcpu.set_irqchip(vm.irqchip_fd());
  }
  // Otherwise a guest's watchdog that expires is ignored.
  if (vm.capability(KVM_CAP_PPC_BOOKE_WATCHDOG) > 0)
    TRY(enable(vcpu, KVM_CAP_PPC_BOOKE_WATCHDOG, "the watchdog (KVM_CAP_PPC_BOOKE_WATCHDOG)", 0));
  return {};
}

bool supports(const Vm& vm, machine::IrqChipKind kind) {
  return kind == machine::IrqChipKind::mpic && vm.capability(KVM_CAP_IRQ_MPIC) > 0;
}

Result<void> create_irqchip(Vm& vm) {
  const auto* mpic = std::get_if<machine::Mpic>(&vm.irqchip());
  if (mpic == nullptr)
    return fail(Error::Kind::host, "this interrupt controller does not exist on powerpc");
  MpicDevice device = TRY(create_mpic([&](u32 type) { return create_device(vm, type); }));
  u64 base = mpic->base;
  TRY(set_device_attr(device.fd, KVM_DEV_MPIC_GRP_MISC, KVM_DEV_MPIC_BASE_ADDR, &base,
                      "the MPIC's address"));
  vm.irqchip_fd() = std::move(device.fd);
  return device.sources == 256 ? route<256>(vm) : route<80>(vm);
}

Result<void> finish_irqchip(Vm&) { return {}; }

u32 encode_irq(u32 gsi) { return gsi; }

Result<machine::HostFacts> facts(const Vm& vm, Vcpu& vcpu) {
  machine::HostFacts facts;
  kvm_sregs sregs = TRY(read_sregs(vcpu));
  facts.processor_version = sregs.pvr;
  if (sregs.u.e.impl_id == KVM_SREGS_E_IMPL_FSL) facts.system_version = sregs.u.e.impl.fsl.svr;
  kvm_ppc_pvinfo info{};
  if (vm.capability(KVM_CAP_PPC_GET_PVINFO) > 0 &&
      try_ioctl(vm.fd(), KVM_PPC_GET_PVINFO, &info) >= 0) {
    std::memcpy(facts.hypercall.data(), info.hcall, sizeof info.hcall);
    facts.hypercall_idle = (info.flags & KVM_PPC_PVINFO_FLAGS_EV_IDLE) != 0;
  }
  TRY(read_clocks(facts));
  facts.guests_64_bits = host_has_64_bits();
  facts.cache_line = static_cast<u32>(::getauxval(AT_DCACHEBSIZE));
  return facts;
}

Result<void> set_boot_state(Vm&, Vcpu& vcpu, const machine::BootState& state) {
  const auto& boot = std::get<machine::powerpc::BootState>(state);
  TRY(map_for_boot(vcpu, boot.mapping));
  kvm_regs regs{};  // MSR 0: supervisor, no translation of our own, interrupts off
  regs.pc = boot.pc;
  regs.gpr[1] = boot.r1;
  regs.gpr[3] = boot.r3;
  regs.gpr[6] = boot.r6;
  regs.gpr[7] = boot.mapping;
  TRY(checked_ioctl(vcpu.fd(), KVM_SET_REGS, "a vCPU's registers (KVM_SET_REGS)", &regs));
  return {};
}

namespace {

u64 program_counter(const Vcpu& vcpu) {
  kvm_regs regs{};
  return try_ioctl(vcpu.fd(), KVM_GET_REGS, &regs) < 0 ? 0 : regs.pc;
}

// What KVM's Book3E code reports without a reason of its own: all ones above the word of a
// privileged instruction that it does not emulate, and for which it has queued a Program interrupt;
// otherwise the number of an exception that it does not expect, or a machine check.
hv::Exit decode_unknown(Vcpu& vcpu) {
  u64 hardware = vcpu.page().hw.hardware_exit_reason;
  u64 pc = program_counter(vcpu);
  if (hardware >> 32 == 0xffff'ffff) return hv::Unemulated{pc, true, static_cast<u32>(hardware)};
  constexpr u32 unexpected_exit = 4;
  return hv::InternalError{unexpected_exit, {hardware, pc, 0, 0}};
}

}  // namespace

Result<hv::Exit> decode_exit(Vcpu& vcpu) {
  kvm_run& run = vcpu.page();
  switch (run.exit_reason) {
    case KVM_EXIT_UNKNOWN: return decode_unknown(vcpu);
    // The second expiry, for which the guest has asked for a reset (TCR[WRC]).
    case KVM_EXIT_WATCHDOG: return hv::SystemEvent{hv::SystemEvent::Type::reset, 0};
    // The next two never come from an MPIC in the kernel and a core without these registers; the
    // answers are "no interrupt" and 0.
    case KVM_EXIT_EPR: run.epr.epr = 0; return hv::Interrupted{};
    case KVM_EXIT_DCR: run.dcr.data = 0; return hv::Interrupted{};
  }
  return hv::Unknown{run.exit_reason};
}

// No call reaches us: KVM answers ePAPR's and its own, the rest with EV_UNIMPLEMENTED.
void complete_call(Vcpu&, i64, u64) {}

const bool input_by_own_thread = false;

void set_external_interrupt(Vcpu& vcpu, bool level) {
  kvm_interrupt request{};
  request.irq =
      level ? static_cast<u32>(KVM_INTERRUPT_SET_LEVEL) : static_cast<u32>(KVM_INTERRUPT_UNSET);
  ::ioctl(vcpu.fd().get(), KVM_INTERRUPT, &request);
}

u64 private_levels(Vcpu&) { return 0; }

Result<hv::Exit> explain_run_failure(Vcpu& vcpu, int error) {
  return fail_errno(
      text("vCPU {} cannot run (KVM_RUN), pc {:#x}", vcpu.index(), program_counter(vcpu)), error);
}

}  // namespace pv::kvm::arch
