// PowerPC Book3E's registers, TLB and guest debugging over KVM (Documentation/virt/kvm/api.rst,
// KVM_GET_REGS, KVM_GET_SREGS, KVM_SET_GUEST_DEBUG; arch/powerpc/include/uapi/asm/kvm.h). The TLB
// is the array that the kernel shares with us (KVM_CAP_SW_TLB).
// Absent: writing special registers other than those of kvm_regs.
#include "hv/registers/powerpc.h"

#include <sys/ioctl.h>

#include <cstring>

#include "kvm/arch.h"
#include "kvm/ioctl_lists.h"
#include "kvm/powerpc_tlb.h"

namespace pv::kvm::arch {
namespace {

constexpr usize pc_index = 32, msr_index = 33, cr_index = 34, lr_index = 35, ctr_index = 36,
                xer_index = 37, float_index = 38, fpscr_index = 70, system_index = 71;
static_assert(std::string_view(hv::powerpc_registers[pc_index].name) == "pc");
static_assert(std::string_view(hv::powerpc_registers[xer_index].name) == "xer");
static_assert(std::string_view(hv::powerpc_registers[fpscr_index].name) == "fpscr");
static_assert(std::string_view(hv::powerpc_registers[system_index].name) == "srr0");

Result<kvm_regs> get_regs(const Vcpu& vcpu) {
  kvm_regs regs{};
  TRY(checked_ioctl(vcpu.fd(), KVM_GET_REGS, "a vCPU's registers (KVM_GET_REGS)", &regs));
  return regs;
}

// The field of kvm_regs that is the register `index`; null: it is not there.
u64* field(kvm_regs& regs, usize index) {
  if (index < pc_index) return &regs.gpr[index];
  switch (index) {
    case pc_index: return &regs.pc;
    case msr_index: return &regs.msr;
    case cr_index: return &regs.cr;
    case lr_index: return &regs.lr;
    case ctr_index: return &regs.ctr;
    case xer_index: return &regs.xer;
  }
  std::string_view name = hv::powerpc_registers[index].name;
  if (name == "srr0") return &regs.srr0;
  if (name == "srr1") return &regs.srr1;
  if (name == "pid") return &regs.pid;
  if (name.starts_with("sprg")) return &regs.sprg0 + (name[4] - '0');
  return nullptr;
}

// From kvm_sregs; by name, as most of them are of different sizes.
void read_special(const kvm_sregs& sregs, hv::RegisterFile& file) {
  const auto& e = sregs.u.e;
  file.set("pvr", sregs.pvr);
  if (e.impl_id == KVM_SREGS_E_IMPL_FSL) {
    file.set("svr", e.impl.fsl.svr);
    file.set("mcar", e.impl.fsl.mcar);
  }
  file.set("pir", e.pir);
  file.set("csrr0", e.csrr0);
  file.set("csrr1", e.csrr1);
  file.set("mcsrr0", e.mcsrr0);
  file.set("mcsrr1", e.mcsrr1);
  if ((e.features & KVM_SREGS_E_ED) != 0) {
    file.set("dsrr0", e.dsrr0);
    file.set("dsrr1", e.dsrr1);
  }
  file.set("esr", e.esr);
  file.set("dear", e.dear);
  file.set("mcsr", e.mcsr);
  file.set("tsr", e.tsr);
  file.set("tcr", e.tcr);
  file.set("dec", e.dec);
  file.set("decar", e.decar);
  file.set("tb", e.tb);
  file.set("vrsave", e.vrsave);
  if ((e.features & KVM_SREGS_E_64) != 0) file.set("epcr", e.epcr);
  if ((e.features & KVM_SREGS_E_IVOR) != 0) {
    file.set("ivpr", e.ivpr);
    usize first = *file.index("ivor0");
    for (usize i = 0; i < 16; ++i) file.set(first + i, {e.ivor_low[i], 0});
    first = *file.index("ivor32");
    for (usize i = 0; i < 6; ++i) file.set(first + i, {e.ivor_high[i], 0});
  }
  if ((e.features & KVM_SREGS_E_ARCH206_MMU) != 0) {
    file.set("mas0", e.mas0);
    file.set("mas1", e.mas1);
    file.set("mas2", e.mas2);
    file.set("mas3", e.mas7_3 & 0xffff'ffff);
    file.set("mas4", e.mas4);
    file.set("mas6", e.mas6);
    file.set("mas7", e.mas7_3 >> 32);
    file.set("mmucfg", e.mmucfg);
    file.set("tlb0cfg", e.tlbcfg[0]);
    file.set("tlb1cfg", e.tlbcfg[1]);
  }
}

void read_tlb(const Vcpu& vcpu, hv::RegisterFile& file) {
  if (vcpu.shared() == nullptr) return;
  const auto* bytes = static_cast<const u8*>(vcpu.shared());
  file.tlb0_entries = tlb0_entries;
  file.tlb.resize(vcpu.shared_size() / sizeof(kvm_book3e_206_tlb_entry));
  for (usize i = 0; i < file.tlb.size(); ++i) {
    kvm_book3e_206_tlb_entry entry;
    std::memcpy(&entry, bytes + i * sizeof entry, sizeof entry);
    file.tlb[i] = {entry.mas1, entry.mas8, entry.mas2, entry.mas7_3};
  }
}

// The MPIC's register that says which priorities reach this CPU (Open PIC 1.2, 0x20080 and on, for
// each CPU): what a sleeping guest may still be woken by.
void read_task_priority(const Vcpu& vcpu, hv::RegisterFile& file) {
  constexpr u64 first = 0x2'0080, stride = 0x1000;
  u32 priority = 0;
  kvm_device_attr request{};
  request.group = KVM_DEV_MPIC_GRP_REGISTER;
  request.attr = first + stride * vcpu.index();
  request.addr = reinterpret_cast<uintptr_t>(&priority);
  if (vcpu.irqchip() >= 0 && ::ioctl(vcpu.irqchip(), KVM_GET_DEVICE_ATTR, &request) >= 0)
    file.set("ctpr", priority);
}

}  // namespace

Result<void> read_registers(const Vcpu& vcpu, hv::RegisterGroups groups, hv::RegisterFile& file) {
  kvm_regs regs = TRY(get_regs(vcpu));
  for (usize i = 0; i < file.table.size(); ++i) {
    if (!groups.has(file.table[i].group)) continue;
    if (const u64* value = field(regs, i)) file.set(i, {*value, 0});
  }
  if (groups.vector) {
    for (usize i = 0; i < 32; ++i) {
      hv::RegisterValue value;
      if (vcpu.try_get_wide(KVM_REG_PPC_FPR(i), value)) file.set(float_index + i, value);
    }
    hv::RegisterValue value;
    if (vcpu.try_get_wide(KVM_REG_PPC_FPSCR, value)) file.set(fpscr_index, value);
  }
  if (!groups.system) return {};
  kvm_sregs sregs{};
  TRY(checked_ioctl(vcpu.fd(), KVM_GET_SREGS, "a vCPU's special registers (KVM_GET_SREGS)",
                    &sregs));
  read_special(sregs, file);
  // The other way to it; known to 64-bit kernels.
  if (hv::RegisterValue epcr; vcpu.try_get_wide(KVM_REG_PPC_EPCR, epcr))
    file.set(*file.index("epcr"), epcr);
  read_tlb(vcpu, file);
  read_task_priority(vcpu, file);
  return {};
}

Result<hv::RegisterValue> read_register(const Vcpu& vcpu, usize index) {
  return read_with_group(vcpu, index);
}

Result<void> write_register(Vcpu& vcpu, usize index, hv::RegisterValue value) {
  if (index >= float_index && index < fpscr_index)
    return vcpu.set_wide(KVM_REG_PPC_FPR(index - float_index), value,
                         hv::powerpc_registers[index].name);
  if (index == fpscr_index) return vcpu.set_wide(KVM_REG_PPC_FPSCR, value, "fpscr");
  kvm_regs regs = TRY(get_regs(vcpu));
  u64* there = field(regs, index);
  if (there == nullptr)
    return fail(Error::Kind::host,
                text("{} cannot be written from outside", hv::powerpc_registers[index].name));
  *there = value.low;
  TRY(checked_ioctl(vcpu.fd(), KVM_SET_REGS, "a vCPU's registers (KVM_SET_REGS)", &regs));
  return {};
}

Result<void> set_debug(Vcpu& vcpu, const hv::DebugControl& control) {
  using Kind = hv::HardwareBreakpoint::Kind;
  kvm_guest_debug debug{};
  if (control.enabled) debug.control = KVM_GUESTDBG_ENABLE;
  if (control.single_step) debug.control |= KVM_GUESTDBG_SINGLESTEP;
  if (control.software_breakpoints) debug.control |= KVM_GUESTDBG_USE_SW_BP;
  if (!control.hardware.empty()) debug.control |= KVM_GUESTDBG_USE_HW_BP;
  if (control.hardware.size() > std::size(debug.arch.bp))
    return fail(Error::Kind::host, "more hardware breakpoints than KVM takes");
  for (usize i = 0; i < control.hardware.size(); ++i) {
    const auto& point = control.hardware[i];
    unsigned long type = KVMPPC_DEBUG_BREAKPOINT;
    if (point.kind == Kind::write) type = KVMPPC_DEBUG_WATCH_WRITE;
    if (point.kind == Kind::read) type = KVMPPC_DEBUG_WATCH_READ;
    if (point.kind == Kind::access) type = KVMPPC_DEBUG_WATCH_WRITE | KVMPPC_DEBUG_WATCH_READ;
    debug.arch.bp[i].addr = point.address;
    debug.arch.bp[i].type = static_cast<u32>(type);
  }
  TRY(checked_ioctl(vcpu.fd(), set_guest_debug, "to debug the guest (KVM_SET_GUEST_DEBUG)",
                    &debug));
  return {};
}

const bool forgets_steps = false;

// e500 cores have two instruction and two data address comparators (e500 Core Family Reference
// Manual, 2.15); KVM has no capability that says so.
hv::DebugLimits debug_limits(const Fd& vm, const Vcpu& vcpu) {
  hv::DebugLimits limits;
  limits.available = try_ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_PPC_BOOKE_SREGS) > 0;
  limits.single_step = limits.available;
  limits.breakpoints = limits.watchpoints = limits.available ? 2 : 0;
  hv::RegisterValue instruction;
  limits.software_breakpoints =
      limits.available && vcpu.try_get_wide(KVM_REG_PPC_DEBUG_INST, instruction);
  if (limits.software_breakpoints) {
    u32 word = static_cast<u32>(instruction.low);
    std::memcpy(limits.instruction.data(), &word, sizeof word);
    limits.instruction_size = 4;
  }
  return limits;
}

// Written by the kernel as a mask of what stopped the guest; 0 for a step or our instruction.
hv::Debug decode_debug(Vcpu& vcpu) {
  const auto& debug = vcpu.page().debug.arch;
  auto regs = get_regs(vcpu);
  u64 pc = regs ? regs->pc : debug.address;
  if ((debug.status & (KVMPPC_DEBUG_WATCH_READ | KVMPPC_DEBUG_WATCH_WRITE)) != 0)
    return {pc, hv::DebugCause::watch, debug.address};
  if ((debug.status & KVMPPC_DEBUG_BREAKPOINT) != 0) return {pc, hv::DebugCause::hardware, 0};
  return {pc, hv::DebugCause::unknown, 0};
}

// KVM has no call for that; the exception's entry is all in registers.
Result<bool> deliver_breakpoint(Vcpu&, const hv::DebugControl&) { return false; }

}  // namespace pv::kvm::arch
