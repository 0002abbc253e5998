// What KVM on PowerPC Book3E depends on: KVM_E500V2 or KVM_E500MC according to the core, the TLB
// that is shared with the monitor, the MPIC in the kernel, interrupt routing, the timebase's rate
// (Linux arch/powerpc/kvm/Kconfig, e500.c, e500mc.c; docs/powerpc.md).
#include "doctor/parts.h"

namespace pv::doctor {
namespace {

std::string core(const Probe& probe) {
  const auto cpu = probe.read("/proc/cpuinfo");
  return cpu ? field(*cpu, "cpu") : std::string();
}

bool is_e500v2(const Probe& probe) { return core(probe).starts_with("e500v2"); }
bool is_e500mc(const Probe& probe) {
  const std::string name = core(probe);
  return name.starts_with("e500mc") || name.starts_with("e5500") || name.starts_with("e6500");
}

Finding book3e(const Probe& probe) {
  const KvmReport& kvm = probe.kvm();
  if (kvm.capability("KVM_CAP_PPC_BOOKE_SREGS") > 0 && kvm.capability("KVM_CAP_SW_TLB") > 0) {
    const std::string name = core(probe);
    return fine(text("KVM for Book3E{}{}, with a shared TLB", name.empty() ? "" : " on ", name));
  }
  return broken(
      "this host's KVM is not one for Book3E processors (e500v2, e500mc, e5500, e6500)",
      "it has neither KVM_CAP_PPC_BOOKE_SREGS nor KVM_CAP_SW_TLB: the kernel's KVM is for "
      "Book3S machines (POWER, G5) or for a 440",
      "a kernel with CONFIG_KVM_E500V2 or CONFIG_KVM_E500MC on such a core; Book3S is not "
      "supported");
}

Finding mpic(const Probe& probe) {
  const KvmReport& kvm = probe.kvm();
  if (kvm.capability("KVM_CAP_DEVICE_CTRL") <= 0 || kvm.capability("KVM_CAP_IRQ_MPIC") <= 0)
    return broken("this host's KVM has no interrupt controller for guests (MPIC)",
                  "the kernel was built without CONFIG_KVM_MPIC",
                  "the host kernel needs CONFIG_KVM_MPIC=y");
  if (kvm.capability("KVM_CAP_IRQ_ROUTING") <= 0)
    return broken("this host's KVM cannot route interrupts (KVM_CAP_IRQ_ROUTING)",
                  "the kernel is older than Linux 3.10, or has no CONFIG_KVM_MPIC",
                  "the host kernel needs CONFIG_KVM_MPIC=y and Linux 3.10 or later");
  if (!kvm.has_controller("mpic-4.2") && !kvm.has_controller("mpic-2.0"))
    return broken("KVM refused an interrupt controller, MPIC 4.2 as well as 2.0",
                  "KVM_CREATE_DEVICE failed for both",
                  "CONFIG_KVM_MPIC=y; look for KVM's lines in dmesg");
  return fine(kvm.has_controller("mpic-4.2") ? "an MPIC 4.2 in the kernel"
                                             : "an MPIC 2.0 in the kernel");
}

Finding timebase(const Probe& probe) {
  const auto cpu = probe.read("/proc/cpuinfo");
  const std::string rate = cpu ? field(*cpu, "timebase") : std::string();
  if (!rate.empty()) return fine(text("the timebase runs at {} Hz", rate));
  return broken("the host does not tell the frequency of its timebase (/proc/cpuinfo)",
                "/proc is not mounted; guests have to be told the frequency",
                "mount -t proc proc /proc");
}

Finding watchdog(const Probe& probe) {
  if (probe.kvm().capability("KVM_CAP_PPC_BOOKE_WATCHDOG") > 0)
    return fine("a guest's watchdog can reset it");
  return limited("no KVM_CAP_PPC_BOOKE_WATCHDOG", "a guest's watchdog that expires is ignored");
}

Finding hypercalls(const Probe& probe) {
  if (probe.kvm().capability("KVM_CAP_PPC_GET_PVINFO") > 0)
    return fine("guests are told how to call the hypervisor (KVM_CAP_PPC_GET_PVINFO)");
  return limited("no KVM_CAP_PPC_GET_PVINFO",
                 "guests are not told the hypercall: on e500v2 Linux then traps on every change of "
                 "its MSR");
}

constexpr Check table[] = {
    {"book3e", "kind of KVM", true, book3e},        {"mpic", "interrupt controller", true, mpic},
    {"timebase", "timebase", false, timebase},      {"watchdog", "watchdog", true, watchdog},
    {"hypercalls", "hypercalls", true, hypercalls},
};

}  // namespace

Cause powerpc_without_kvm(const Probe& probe) {
  const std::string name = core(probe);
  if (is_e500v2(probe))
    return {text("the kernel has no KVM for this core ({})", name),
            "build it with CONFIG_KVM_E500V2=y and CONFIG_KVM_MPIC=y, and the two fixes of "
            "docs/powerpc.md"};
  if (is_e500mc(probe))
    return {text("the kernel has no KVM for this core ({}), or was not started in hypervisor mode",
                 name),
            "build it with CONFIG_KVM_E500MC=y and CONFIG_KVM_MPIC=y; boot it directly, not under "
            "another hypervisor (Topaz)"};
  if (!name.empty())
    return {
        text("this core ({}) is not one that polyvisor knows", name),
        "polyvisor runs on e500v2, e500mc, e5500 and e6500; Book3S machines (POWER, G5) are not "
        "supported"};
  return {"the kernel has no KVM for this core",
          "the host kernel needs CONFIG_KVM_E500V2 or CONFIG_KVM_E500MC, and CONFIG_KVM_MPIC"};
}

std::span<const Check> powerpc_checks() { return table; }

}  // namespace pv::doctor
