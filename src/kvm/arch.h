// What differs between the architectures' KVMs. Each kvm/<arch>.cpp defines all of these; the build
// links exactly one of those files.
#pragma once

#include "kvm/vcpu.h"
#include "kvm/vm.h"

namespace pv::kvm::arch {

// The argument of KVM_CREATE_VM. Errors: the guest's addresses do not fit this host.
Result<unsigned long> vm_type(const Fd& kvm, const VmSpec& spec);
// Before anything else on a new VM.
Result<void> init_vm(Vm& vm);
Result<void> init_vcpu(Vm& vm, Vcpu& vcpu);

bool supports(const Vm& vm, machine::IrqChipKind kind);
Result<void> create_irqchip(Vm& vm);
Result<void> finish_irqchip(Vm& vm);
// The `irq` field of KVM_IRQ_LINE for a machine's interrupt number.
u32 encode_irq(u32 gsi);

Result<machine::HostFacts> facts(const Vm& vm, Vcpu& vcpu);
Result<void> set_boot_state(Vm& vm, Vcpu& vcpu, const machine::BootState& state);

// Exits that only this architecture has.
Result<hv::Exit> decode_exit(Vcpu& vcpu);
void complete_call(Vcpu& vcpu, i64 error, u64 value);
void set_external_interrupt(Vcpu& vcpu, bool level);
// Whether that may only be called by the vCPU's own thread, outside KVM_RUN.
extern const bool input_by_own_thread;
// Bit n: the level of hv::Vcpu::Private n.
u64 private_levels(Vcpu& vcpu);
// kvm/<arch>_registers.cpp. `file` is empty and of this architecture; what the host has is added.
Result<void> read_registers(const Vcpu& vcpu, hv::RegisterGroups groups, hv::RegisterFile& file);
Result<hv::RegisterValue> read_register(const Vcpu& vcpu, usize index);
Result<void> write_register(Vcpu& vcpu, usize index, hv::RegisterValue value);
Result<void> set_debug(Vcpu& vcpu, const hv::DebugControl& control);
// Whether a step that was asked for once may be lost at an exit, so that each run asks again.
extern const bool forgets_steps;
hv::DebugLimits debug_limits(const Fd& vm, const Vcpu& vcpu);
hv::Debug decode_debug(Vcpu& vcpu);  // after KVM_EXIT_DEBUG
Result<bool> deliver_breakpoint(Vcpu& vcpu, const hv::DebugControl& control);

// KVM_RUN failed with `error`: the exit it stands for, or an Error that explains it.
Result<hv::Exit> explain_run_failure(Vcpu& vcpu, int error);

// read_register() where nobody reads single ones often: all of its group are read.
inline Result<hv::RegisterValue> read_with_group(const Vcpu& vcpu, usize index) {
  hv::RegisterFile file(host_arch, hv::register_table(host_arch));
  hv::RegisterGroup group = file.table[index].group;
  TRY(read_registers(vcpu,
                     {group == hv::RegisterGroup::general, group == hv::RegisterGroup::vector,
                      group == hv::RegisterGroup::system},
                     file));
  if (file.known[index] == 0)
    return fail(Error::Kind::host, text("this host does not tell {}", file.table[index].name));
  return file.values[index];
}

// Coalesced data in the guest's byte order.
inline void load_posted(const u8* data, u32 length, u64& value) {
  u16 half;
  u32 word;
  switch (length) {
    case 1: value = *data; break;
    case 2:
      __builtin_memcpy(&half, data, 2);
      value = half;
      break;
    case 4:
      __builtin_memcpy(&word, data, 4);
      value = word;
      break;
    default: __builtin_memcpy(&value, data, 8);
  }
}

}  // namespace pv::kvm::arch
