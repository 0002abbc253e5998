// What the files of this folder share: the parts of the table of checks, and short ways to write a
// finding. Only this folder includes it.
#pragma once

#include "base/text.h"
#include "doctor/check.h"

namespace pv::doctor {

inline Finding fine(std::string seen) { return {State::fine, std::move(seen)}; }
inline Finding limited(std::string seen, std::string why, std::string mend = {}) {
  return {State::limited, std::move(seen), std::move(why), std::move(mend)};
}
inline Finding broken(std::string seen, std::string why, std::string mend) {
  return {State::broken, std::move(seen), std::move(why), std::move(mend)};
}
inline Finding absent(std::string seen, std::string why = {}, std::string mend = {}) {
  return {State::absent, std::move(seen), std::move(why), std::move(mend)};
}

// Why KVM is not there, and what to do.
struct Cause {
  std::string why;
  std::string mend;
};
Cause aarch64_without_kvm(const Probe& probe);
Cause riscv64_without_kvm(const Probe& probe);
Cause powerpc_without_kvm(const Probe& probe);
Cause x86_64_without_kvm(const Probe& probe);

std::span<const Check> device_checks();  // /dev/kvm and a VM
std::span<const Check> aarch64_checks();
std::span<const Check> riscv64_checks();
std::span<const Check> powerpc_checks();
std::span<const Check> x86_64_checks();
std::span<const Check> ability_checks();   // the guest of four instructions, KVM's abilities
std::span<const Check> resource_checks();  // memory, limits, other parts of the kernel

}  // namespace pv::doctor
