// Asks and tries this host's KVM for the doctor: capabilities, kinds of interrupt controller, what
// a new vCPU shows, and a guest of four instructions. Nothing here fails: what does not work is the
// answer. Each kvm/<arch>_probe.cpp has its architecture's part.
#pragma once

#include <span>
#include <vector>

#include "doctor/kvm_report.h"
#include "kvm/vm.h"

namespace pv::kvm {

// Milliseconds; the trial guest gets up to ten seconds. Makes one process and waits for it.
doctor::KvmReport probe(const char* path = "/dev/kvm");

namespace arch {

struct NamedCapability {
  const char* name;
  int number;
};
#define PV_CAPABILITY(name) \
  ::pv::kvm::arch::NamedCapability { #name, name }

// The architecture's own, besides those that all have.
std::span<const NamedCapability> capabilities();
// Tries each kind of interrupt controller on a VM without vCPUs.
void probe_controllers(const Fd& vm, doctor::KvmReport& report);
// What needs neither a VM nor a vCPU: the processor's own words.
void probe_processor(doctor::KvmReport& report);
// What a new vCPU shows.
void probe_vcpu(const Vm& vm, const Vcpu& vcpu, doctor::KvmReport& report);

// A guest of four instructions that puts 42 + 1 into a register and stores it, 32 bits wide, to the
// device at `device`. RAM is `ram_base` up to `ram_base` + 64 KiB.
struct TrialGuest {
  std::vector<u8> code;  // at `entry`
  u64 ram_base;
  u64 entry;
  u64 device;
  machine::IrqChip irqchip;
  machine::BootState state;
};
TrialGuest trial_guest(const Vm& vm);

}  // namespace arch

inline constexpr u64 trial_value = 43;

}  // namespace pv::kvm
