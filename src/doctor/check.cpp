#include "doctor/check.h"

#include <algorithm>

#include "doctor/parts.h"

namespace pv::doctor {
namespace {

std::span<const Check> of_architecture(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return aarch64_checks();
    case Arch::riscv64: return riscv64_checks();
    case Arch::powerpc: return powerpc_checks();
    case Arch::x86_64: return x86_64_checks();
  }
  return {};
}

Finding look(const Check& check, const Probe& probe) {
  const bool asked = !check.needs_kvm || probe.kvm().open();
  Finding finding = asked ? check.look(probe) : absent("not asked: KVM's device cannot be opened");
  finding.asked = asked;
  finding.id = check.id;
  return finding;
}

}  // namespace

std::vector<Check> checks(Arch arch) {
  std::vector<Check> all;
  for (auto part : {device_checks(), of_architecture(arch), ability_checks(), resource_checks()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<Finding> examine(const Probe& probe) {
  std::vector<Finding> findings;
  for (const Check& check : checks(probe.arch())) findings.push_back(look(check, probe));
  return findings;
}

Finding examine(const Probe& probe, std::string_view id) {
  for (const Check& check : checks(probe.arch()))
    if (check.id == id) return look(check, probe);
  return absent(text("there is no check \"{}\"", id));
}

bool guests_can_run(std::span<const Finding> findings) {
  return std::ranges::none_of(findings, [](const Finding& f) { return f.state == State::broken; });
}

}  // namespace pv::doctor
