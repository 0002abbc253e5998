// The guest of four instructions, and what KVM can do that a feature of polyvisor's stands on
// (Documentation/virt/kvm/api.rst, section 4.4 KVM_CHECK_EXTENSION).
#include <cstring>

#include "doctor/parts.h"

namespace pv::doctor {
namespace {

std::string trial_mend(const Probe& probe, const KvmReport::Trial& trial) {
  if (probe.arch() == Arch::powerpc)
    return "on e500v2 the host kernel needs two fixes (docs/powerpc.md), without which no guest "
           "gets "
           "past its first exit; 'dmesg | tail' shows what KVM met";
  if (trial.reached == "memory") return "free memory, or raise ulimit -v and the cgroup's limit";
  return "look for KVM's lines in dmesg; report it with the output of polyvisor selftest";
}

Finding four_instructions(const Probe& probe) {
  const KvmReport::Trial& trial = probe.kvm().trial;
  if (trial.passed)
    return fine("a guest of four instructions ran and its store to a device came out");
  if (!trial.attempted) return absent("not tried, because what stands above is missing");
  const std::string seen = text("a guest of four instructions does not run ({})", trial.reached);
  if (trial.hung)
    return broken(seen,
                  text("the host gave no answer within 10 s in the stage \"{}\"", trial.reached),
                  trial_mend(probe, trial));
  if (trial.killed_by != 0)
    return broken(
        seen,
        text("its process was ended by signal {} ({}): a fault in the host's KVM is likely",
             trial.killed_by, ::strsignal(trial.killed_by)),
        trial_mend(probe, trial));
  return broken(seen, trial.failure, trial_mend(probe, trial));
}

// The capability that a feature needs, and what is lost without it.
struct Ability {
  const char* capability;
  const char* with;
  const char* without;
};

Finding ability(const Probe& probe, const Ability& wanted) {
  if (probe.kvm().capability(wanted.capability) > 0) return fine(wanted.with);
  return limited(text("no {}", wanted.capability), wanted.without,
                 "an older or smaller KVM than usual: another kernel of the host");
}

Finding doorbells(const Probe& probe) {
  return ability(probe,
                 {"KVM_CAP_IOEVENTFD", "devices are notified in the kernel (ioeventfd)",
                  "each notification of a virtio device stops the guest's CPU until the monitor "
                  "has handled it"});
}

Finding collected(const Probe& probe) {
  return ability(probe,
                 {probe.arch() == Arch::x86_64 ? "KVM_CAP_COALESCED_PIO" : "KVM_CAP_COALESCED_MMIO",
                  "console output is collected in the kernel",
                  "each character on the serial console costs an exit"});
}

Finding debugging(const Probe& probe) {
  const KvmReport& kvm = probe.kvm();
  const i64 points = kvm.capability("KVM_CAP_GUEST_DEBUG_HW_BPS");
  const i64 watches = kvm.capability("KVM_CAP_GUEST_DEBUG_HW_WPS");
  if (kvm.capability("KVM_CAP_SET_GUEST_DEBUG") <= 0)
    return limited("no KVM_CAP_SET_GUEST_DEBUG",
                   "guests can be looked at, but not stopped at breakpoints",
                   "a newer kernel on the host");
  if (points <= 0) return fine("guests can be debugged");
  return fine(text("guests can be debugged: {} breakpoints and {} watchpoints in hardware", points,
                   watches));
}

Finding interrupts(const Probe& probe) {
  const KvmReport& kvm = probe.kvm();
  std::string have;
  for (const auto& [capability, words] :
       {std::pair("KVM_CAP_IRQFD", "irqfd"), std::pair("KVM_CAP_SIGNAL_MSI", "MSI"),
        std::pair("KVM_CAP_IRQFD_RESAMPLE", "resampling"),
        std::pair("KVM_CAP_IRQ_ROUTING", "routing")})
    if (kvm.capability(capability) > 0) have += text("{}{}", have.empty() ? "" : ", ", words);
  if (have.empty())
    return absent("no interrupts straight from the kernel (irqfd)",
                  "polyvisor does not use them yet");
  return fine(text("interrupts straight from the kernel: {}", have));
}

constexpr Check table[] = {
    {"four-instructions", "running a guest", true, four_instructions},
    {"doorbells", "notifications", true, doorbells},
    {"collected-writes", "console output", true, collected},
    {"irqfd", "interrupts", true, interrupts},
    {"guest-debug", "debugging", true, debugging},
};

}  // namespace

std::span<const Check> ability_checks() { return table; }

}  // namespace pv::doctor
