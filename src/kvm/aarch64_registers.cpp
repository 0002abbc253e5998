// aarch64's registers and guest debugging over KVM (Documentation/virt/kvm/api.rst, 4.68
// KVM_SET_ONE_REG, KVM_SET_GUEST_DEBUG; Arm ARM DDI 0487, D2, D19.2 for DBGBCR and DBGWCR).
#include "hv/registers/aarch64.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include "kvm/arch.h"
#include "kvm/ioctl_lists.h"
#include "kvm/register_ids.h"

namespace pv::kvm::arch {
namespace {

constexpr u64 core(usize offset, u64 size = KVM_REG_SIZE_U64) {
  return KVM_REG_ARM64 | size | KVM_REG_ARM_CORE | (offset / sizeof(u32));
}
#define CORE(field) core(offsetof(kvm_regs, field))

constexpr u64 sys(u64 op0, u64 op1, u64 crn, u64 crm, u64 op2) {
  return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM64_SYSREG |
         op0 << KVM_REG_ARM64_SYSREG_OP0_SHIFT | op1 << KVM_REG_ARM64_SYSREG_OP1_SHIFT |
         crn << KVM_REG_ARM64_SYSREG_CRN_SHIFT | crm << KVM_REG_ARM64_SYSREG_CRM_SHIFT |
         op2 << KVM_REG_ARM64_SYSREG_OP2_SHIFT;
}

constexpr auto system_ids = std::to_array<RegisterId>({
    {"sp_el0", CORE(regs.sp)},
    {"sp_el1", CORE(sp_el1)},
    {"elr_el1", CORE(elr_el1)},
    {"spsr_el1", CORE(spsr[KVM_SPSR_EL1])},
    {"esr_el1", sys(3, 0, 5, 2, 0)},
    {"far_el1", sys(3, 0, 6, 0, 0)},
    {"vbar_el1", sys(3, 0, 12, 0, 0)},
    {"sctlr_el1", sys(3, 0, 1, 0, 0)},
    {"tcr_el1", sys(3, 0, 2, 0, 2)},
    {"ttbr0_el1", sys(3, 0, 2, 0, 0)},
    {"ttbr1_el1", sys(3, 0, 2, 0, 1)},
    {"mair_el1", sys(3, 0, 10, 2, 0)},
    {"amair_el1", sys(3, 0, 10, 3, 0)},
    {"cpacr_el1", sys(3, 0, 1, 0, 2)},
    {"contextidr_el1", sys(3, 0, 13, 0, 1)},
    {"tpidr_el0", sys(3, 3, 13, 0, 2)},
    {"tpidrro_el0", sys(3, 3, 13, 0, 3)},
    {"tpidr_el1", sys(3, 0, 13, 0, 4)},
    {"par_el1", sys(3, 0, 7, 4, 0)},
    {"afsr0_el1", sys(3, 0, 5, 1, 0)},
    {"afsr1_el1", sys(3, 0, 5, 1, 1)},
    {"mpidr_el1", sys(3, 0, 0, 0, 5)},
    {"midr_el1", sys(3, 0, 0, 0, 0)},
    {"mdscr_el1", sys(2, 0, 0, 2, 2)},
    {"cntkctl_el1", sys(3, 0, 14, 1, 0)},
    {"cntv_ctl_el0", KVM_REG_ARM_TIMER_CTL},
    {"cntv_cval_el0", KVM_REG_ARM_TIMER_CVAL},
    {"cntvct_el0", KVM_REG_ARM_TIMER_CNT},
    {"id_aa64pfr0_el1", sys(3, 0, 0, 4, 0)},
    {"id_aa64isar0_el1", sys(3, 0, 0, 6, 0)},
    {"id_aa64mmfr0_el1", sys(3, 0, 0, 7, 0)},
    {"id_aa64mmfr2_el1", sys(3, 0, 0, 7, 2)},
});

constexpr usize sp_index = 31, pc_index = 32, cpsr_index = 33, vector_index = 34, fpsr_index = 66,
                fpcr_index = 67, system_index = 68;
static_assert(names_match(hv::aarch64_registers, system_index, system_ids));
static_assert(hv::aarch64_registers.size() == system_index + system_ids.size());

// PSTATE.SP with an exception level above 0: SP_EL1 is in use.
bool uses_sp_el1(u64 pstate) { return (pstate & 1) != 0 && (pstate >> 2 & 3) != 0; }

// The identifier of a register whose place in the file is `index`; `pstate` decides about `sp`.
u64 identifier(usize index, u64 pstate) {
  if (index < sp_index) return core(offsetof(kvm_regs, regs.regs) + index * sizeof(u64));
  if (index == sp_index) return uses_sp_el1(pstate) ? CORE(sp_el1) : CORE(regs.sp);
  if (index == pc_index) return CORE(regs.pc);
  if (index == cpsr_index) return CORE(regs.pstate);
  if (index < fpsr_index)
    return core(offsetof(kvm_regs, fp_regs.vregs) + (index - vector_index) * 16, KVM_REG_SIZE_U128);
  if (index == fpsr_index) return core(offsetof(kvm_regs, fp_regs.fpsr), KVM_REG_SIZE_U32);
  if (index == fpcr_index) return core(offsetof(kvm_regs, fp_regs.fpcr), KVM_REG_SIZE_U32);
  return system_ids[index - system_index].id;
}

u64 read_pstate(const Vcpu& vcpu) {
  u64 pstate = 0;
  vcpu.try_get_reg(CORE(regs.pstate), pstate);
  return pstate;
}

using Kind = hv::HardwareBreakpoint::Kind;

// DBGWCR's byte select or mask for `length` bytes at `address`; false: not to be watched by one
// register.
bool select_bytes(u64 address, u64 length, u64& control) {
  if (length == 0) return false;
  if ((address & 7) + length <= 8) {
    control |= ((1ull << length) - 1) << (address & 7) << 5;
    return true;
  }
  if (!std::has_single_bit(length) || (address & (length - 1)) != 0 || length > 1ull << 31)
    return false;
  control |= 0xffull << 5 | static_cast<u64>(std::countr_zero(length)) << 24;
  return true;
}

Result<void> add_hardware(const hv::DebugControl& control, kvm_guest_debug_arch& out) {
  constexpr u64 enabled_el0_el1 = 7;
  usize breakpoints = 0, watchpoints = 0;
  for (const auto& point : control.hardware) {
    if (breakpoints == std::size(out.dbg_bcr) || watchpoints == std::size(out.dbg_wcr))
      return fail(Error::Kind::host, "more hardware breakpoints than the architecture has");
    if (point.kind == Kind::execute) {
      out.dbg_bcr[breakpoints] = enabled_el0_el1 | 0xf << 5;
      out.dbg_bvr[breakpoints++] = point.address & ~3ull;
      continue;
    }
    u64 access = point.kind == Kind::read ? 1 : point.kind == Kind::write ? 2 : 3;
    u64 value = enabled_el0_el1 | access << 3;
    if (!select_bytes(point.address, point.length, value))
      return fail(
          Error::Kind::usage,
          text("{} bytes at {:#x} cannot be watched by one watchpoint", point.length,
               point.address),
          "watch up to 8 bytes that do not cross a multiple of 8, or an aligned power of 2");
    out.dbg_wcr[watchpoints] = value;
    out.dbg_wvr[watchpoints++] = point.address & ~7ull;
  }
  return {};
}

}  // namespace

Result<void> read_registers(const Vcpu& vcpu, hv::RegisterGroups groups, hv::RegisterFile& file) {
  u64 pstate = read_pstate(vcpu);
  for (usize i = 0; i < file.table.size(); ++i) {
    if (!groups.has(file.table[i].group)) continue;
    hv::RegisterValue value;
    if (vcpu.try_get_wide(identifier(i, pstate), value)) file.set(i, value);
  }
  return {};
}

// The completion of an undescribed access asks for about ten of them.
Result<hv::RegisterValue> read_register(const Vcpu& vcpu, usize index) {
  hv::RegisterValue value;
  u64 id = identifier(index, index == sp_index ? read_pstate(vcpu) : 0);
  if (!vcpu.try_get_wide(id, value))
    return fail(Error::Kind::host,
                text("this host does not tell {}", hv::aarch64_registers[index].name));
  return value;
}

Result<void> write_register(Vcpu& vcpu, usize index, hv::RegisterValue value) {
  return vcpu.set_wide(identifier(index, index == sp_index ? read_pstate(vcpu) : 0), value,
                       hv::aarch64_registers[index].name);
}

Result<void> set_debug(Vcpu& vcpu, const hv::DebugControl& control) {
  kvm_guest_debug debug{};
  if (control.enabled) debug.control = KVM_GUESTDBG_ENABLE;
  if (control.single_step) debug.control |= KVM_GUESTDBG_SINGLESTEP;
  if (control.software_breakpoints) debug.control |= KVM_GUESTDBG_USE_SW_BP;
  if (!control.hardware.empty()) debug.control |= KVM_GUESTDBG_USE_HW;
  TRY(add_hardware(control, debug.arch));
  TRY(checked_ioctl(vcpu.fd(), set_guest_debug, "to debug the guest (KVM_SET_GUEST_DEBUG)",
                    &debug));
  return {};
}

const bool forgets_steps = false;

hv::DebugLimits debug_limits(const Fd& vm, const Vcpu&) {
  hv::DebugLimits limits;
  auto number = [&](unsigned long capability) {
    return static_cast<u32>(std::max(0, try_ioctl(vm, KVM_CHECK_EXTENSION, capability)));
  };
  limits.available = number(KVM_CAP_SET_GUEST_DEBUG) > 0;
  limits.single_step = limits.software_breakpoints = limits.available;
  limits.breakpoints = number(KVM_CAP_GUEST_DEBUG_HW_BPS);
  limits.watchpoints = number(KVM_CAP_GUEST_DEBUG_HW_WPS);
  limits.instruction = {0x00, 0x00, 0x20, 0xd4};  // BRK #0
  limits.instruction_size = 4;
  return limits;
}

hv::Debug decode_debug(Vcpu& vcpu) {
  u64 pc = 0;
  vcpu.try_get_reg(CORE(regs.pc), pc);
  const auto& debug = vcpu.page().debug.arch;
  switch (debug.hsr >> 26) {  // the exception class
    case 0x30: return {pc, hv::DebugCause::hardware, 0};
    case 0x32: return {pc, hv::DebugCause::step, 0};
    case 0x34: return {pc, hv::DebugCause::watch, debug.far};
    case 0x3c: return {pc, hv::DebugCause::software, 0};
  }
  return {pc, hv::DebugCause::unknown, 0};
}

// KVM has no call for that; the exception's entry is all in registers.
Result<bool> deliver_breakpoint(Vcpu&, const hv::DebugControl&) { return false; }

}  // namespace pv::kvm::arch
