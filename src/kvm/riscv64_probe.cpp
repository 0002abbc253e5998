// The doctor's questions to KVM on riscv64 (Documentation/virt/kvm/api.rst;
// arch/riscv/include/uapi/ asm/kvm.h).
#include <array>

#include "kvm/probe.h"
#include "kvm/riscv64_uapi.h"

namespace pv::kvm::arch {
namespace {

using namespace riscv;

// enum KVM_RISCV_SBI_EXT_ID of Linux 6.12.
constexpr std::array sbi_names = {"V01", "TIME",         "IPI",    "RFENCE", "SRST", "HSM",
                                  "PMU", "EXPERIMENTAL", "VENDOR", "DBCN",   "STA",  "SUSP"};

constexpr NamedCapability table[] = {PV_CAPABILITY(KVM_CAP_VM_GPA_BITS)};

}  // namespace

std::span<const NamedCapability> capabilities() { return table; }

void probe_controllers(const Fd& vm, doctor::KvmReport& report) {
  kvm_create_device request{};
  request.type = dev_type_aia;
  request.flags = KVM_CREATE_DEVICE_TEST;
  const int result = try_ioctl(vm, KVM_CREATE_DEVICE, &request);
  report.controllers = {{"aia", result < 0 ? -result : 0}};
}

void probe_processor(doctor::KvmReport&) {}

void probe_vcpu(const Vm&, const Vcpu& vcpu, doctor::KvmReport& report) {
  u64 value = 0;
  for (usize id = 0; id < isa_ext_names.size(); ++id)
    if (vcpu.try_get_reg(reg_ulong(reg_type_isa_ext, id), value))
      report.facts.push_back({text("isa {}", isa_ext_names[id]), value != 0});
  for (usize id = 0; id < sbi_names.size(); ++id)
    if (vcpu.try_get_reg(reg_ulong(reg_type_sbi_ext, id), value))
      report.facts.push_back({text("sbi {}", sbi_names[id]), value != 0});
  if (vcpu.try_get_reg(KVM_REG_RISCV | KVM_REG_SIZE_U64 | reg_type_timer | Timer::frequency, value))
    report.facts.push_back({"timebase", static_cast<i64>(value)});
  if (vcpu.try_get_reg(reg_ulong(reg_type_config, Config::satp_mode), value))
    report.facts.push_back({"satp mode", static_cast<i64>(value)});
}

TrialGuest trial_guest(const Vm&) {
  constexpr u64 base = 0x8000'0000;
  return {{0xb7, 0x05, 0x00, 0x10,   // lui a1, 0x10000
           0x13, 0x05, 0xa0, 0x02,   // li a0, 42
           0x13, 0x05, 0x15, 0x00,   // addi a0, a0, 1
           0x23, 0xa0, 0xa5, 0x00},  // sw a0, 0(a1)
          base,
          base,
          0x1000'0000,
          machine::UserIrqChip{},
          machine::riscv64::BootState{.pc = base}};
}

}  // namespace pv::kvm::arch
