// riscv64's registers and guest debugging over KVM (Documentation/virt/kvm/api.rst, 4.68; the
// layout of kvm_riscv_core, kvm_riscv_csr and kvm_riscv_timer in
// arch/riscv/include/uapi/asm/kvm.h).
//
// Linux 6.12 accepts every request to debug and knows but one: with KVM_GUESTDBG_ENABLE a
// breakpoint instruction comes to us. So neither steps nor hardware breakpoints are offered.
#include "hv/registers/riscv64.h"

#include "kvm/arch.h"
#include "kvm/ioctl_lists.h"
#include "kvm/register_ids.h"
#include "kvm/riscv64_uapi.h"

namespace pv::kvm::arch {
namespace {

using namespace riscv;

constexpr u64 csr(u64 index) { return reg_ulong(reg_type_csr, index); }
constexpr u64 timer(u64 index) { return reg_ulong(reg_type_timer, index); }

constexpr auto system_ids = std::to_array<RegisterId>({
    {"sstatus", csr(0)},
    {"sie", csr(1)},
    {"stvec", csr(2)},
    {"sscratch", csr(3)},
    {"sepc", csr(4)},
    {"scause", csr(5)},
    {"stval", csr(6)},
    {"sip", csr(7)},
    {"satp", csr(8)},
    {"scounteren", csr(9)},
    {"time", timer(1)},
    {"timecmp", timer(2)},
    {"timer_state", timer(3)},
});

constexpr usize pc_index = 32, priv_index = 33, float_index = 34, fcsr_index = 66,
                system_index = 67;
static_assert(names_match(hv::riscv64_registers, system_index, system_ids));
static_assert(hv::riscv64_registers.size() == system_index + system_ids.size());

u64 identifier(usize index) {
  if (index < pc_index) return reg_ulong(reg_type_core, index);
  if (index == pc_index) return reg_ulong(reg_type_core, Core::pc);
  if (index == priv_index) return reg_ulong(reg_type_core, Core::privilege);
  if (index < fcsr_index) return reg_ulong(reg_type_fp_d, index - float_index);
  if (index == fcsr_index) return KVM_REG_RISCV | KVM_REG_SIZE_U32 | reg_type_fp_d | 32;
  return system_ids[index - system_index].id;
}

}  // namespace

Result<void> read_registers(const Vcpu& vcpu, hv::RegisterGroups groups, hv::RegisterFile& file) {
  for (usize i = 0; i < file.table.size(); ++i) {
    if (!groups.has(file.table[i].group)) continue;
    hv::RegisterValue value;
    // x0 has no identifier of its own: it is 0.
    if (i == 0 || vcpu.try_get_wide(identifier(i), value)) file.set(i, value);
  }
  return {};
}

Result<hv::RegisterValue> read_register(const Vcpu& vcpu, usize index) {
  return read_with_group(vcpu, index);
}

Result<void> write_register(Vcpu& vcpu, usize index, hv::RegisterValue value) {
  if (index == 0) return {};
  return vcpu.set_wide(identifier(index), value, hv::riscv64_registers[index].name);
}

static_assert(set_guest_debug == 0x4008'ae9b);  // as in C

Result<void> set_debug(Vcpu& vcpu, const hv::DebugControl& control) {
  if (control.single_step || !control.hardware.empty())
    return fail(Error::Kind::host,
                "riscv64's KVM has neither single-step nor hardware breakpoints");
  kvm_guest_debug debug{};
  if (control.enabled && control.software_breakpoints)
    debug.control = KVM_GUESTDBG_ENABLE | guestdbg_use_sw_bp;
  TRY(checked_ioctl(vcpu.fd(), set_guest_debug, "to debug the guest (KVM_SET_GUEST_DEBUG)", &debug,
                    "the host needs Linux 6.12 or later"));
  return {};
}

const bool forgets_steps = false;

hv::DebugLimits debug_limits(const Fd& vm, const Vcpu&) {
  hv::DebugLimits limits;
  limits.available = try_ioctl(vm, KVM_CHECK_EXTENSION, cap_set_guest_debug) > 0;
  limits.software_breakpoints = limits.available;
  limits.instruction = {0x73, 0x00, 0x10, 0x00};  // EBREAK
  limits.instruction_size = 4;
  return limits;
}

hv::Debug decode_debug(Vcpu& vcpu) {
  u64 pc = 0;
  vcpu.try_get_reg(identifier(pc_index), pc);
  return {pc, hv::DebugCause::software, 0};
}

// KVM has no call for that; the exception's entry is all in registers.
Result<bool> deliver_breakpoint(Vcpu&, const hv::DebugControl&) { return false; }

}  // namespace pv::kvm::arch
