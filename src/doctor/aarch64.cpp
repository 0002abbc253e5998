// What KVM on aarch64 depends on: the exception level at which the firmware started the kernel,
// VHE, protected mode, the virtual GICs, the size of guest-physical addresses, and what a guest's
// processor can (Linux arch/arm64/kvm/arm.c, Documentation/virt/kvm/arm/,
// admin-guide/kernel-parameters.txt "kvm-arm.mode"; Arm ARM DDI 0487, D1 "exception levels").
#include <array>

#include "doctor/parts.h"

namespace pv::doctor {
namespace {

// Whether this machine is itself a guest, as far as that can be seen.
bool is_guest(const Probe& probe) {
  for (const char* path : {"/proc/device-tree/hypervisor/compatible", "/sys/hypervisor/type"})
    if (probe.read(path)) return true;
  const auto board = probe.read("/proc/device-tree/compatible");
  if (board && board->find("linux,dummy-virt") != board->npos) return true;
  const auto vendor = probe.read("/sys/class/dmi/id/sys_vendor");
  return vendor &&
         (vendor->find("QEMU") != vendor->npos || vendor->find("VMware") != vendor->npos ||
          vendor->find("Amazon") != vendor->npos);
}

enum class Mode : u8 { unknown, vhe, nvhe, protected_nvhe };

// By what KVM says when it starts; its words changed with the years. Otherwise by the command line.
Mode mode_of(const Probe& probe) {
  const auto& log = probe.kernel_log();
  if (log)
    for (const std::string& line : *log) {
      if (line.find("mode initialized successfully") == line.npos) continue;
      if (line.find("Protected") != line.npos) return Mode::protected_nvhe;
      if (line.find("nVHE") != line.npos || line.find("Hyp mode") != line.npos) return Mode::nvhe;
      if (line.find("VHE") != line.npos) return Mode::vhe;
    }
  const auto wanted = boot_parameter(probe, "kvm-arm.mode");
  if (wanted == "protected") return Mode::protected_nvhe;
  if (wanted == "nvhe") return Mode::nvhe;
  return Mode::unknown;
}

Finding hyp_mode(const Probe& probe) {
  switch (mode_of(probe)) {
    case Mode::vhe: return fine("EL2 with VHE: the host's kernel itself runs there");
    case Mode::nvhe:
      return fine("EL2 without VHE: KVM's part there is small, each exit changes level twice");
    case Mode::protected_nvhe:
      return limited(
          "protected KVM (kvm-arm.mode=protected): the host's kernel is kept out of EL2",
          "KVM then has no GICv2 for guests, guest memory is pinned, exits cost more, and "
          "of a protected guest nothing can be inspected",
          "boot with kvm-arm.mode=nvhe, or without the parameter, where you do not "
          "need it");
    case Mode::unknown: break;
  }
  return fine("KVM has EL2; whether with VHE only the kernel's log would tell");
}

std::string gic_cause(const Probe& probe) {
  if (const std::string line = log_line(probe, "GIC");
      !line.empty() && (line.find("disabl") != line.npos || line.find("not ") != line.npos ||
                        line.find("broken") != line.npos))
    return text("the kernel says \"{}\"", line);
  return "the kernel found no GIC with virtualization: the device tree lacks the maintenance "
         "interrupt or (GICv2) the GICV and GICH regions, or the firmware left them disabled";
}

Finding vgic(const Probe& probe) {
  const KvmReport& kvm = probe.kvm();
  const bool v3 = kvm.has_controller("gicv3");
  const bool v2 = kvm.has_controller("gicv2");
  if (v3 && v2) return fine("virtual GICv3 and GICv2");
  if (v3) return fine("a virtual GICv3");
  if (v2) return fine("a virtual GICv2: guests have at most 8 CPUs");
  const char* mend =
      "compare the interrupt controller's node in the device tree with the binding "
      "arm,gic-v3.yaml or arm,gic.yaml; 'dmesg | grep -i -e gic -e kvm'";
  if (kvm.capability("KVM_CAP_ARM_USER_IRQ") > 0)
    return limited("this host's KVM has no virtual interrupt controller, neither GICv3 nor GICv2",
                   text("{}. The monitor emulates a GICv2 instead (--irqchip user or auto): each "
                        "interrupt costs a guest several exits",
                        gic_cause(probe)),
                   mend);
  return broken(
      "this host's KVM has no virtual interrupt controller, neither GICv3 nor GICv2, and cannot do "
      "without one (KVM_CAP_ARM_USER_IRQ)",
      text("{}; and the kernel is older than Linux 4.12, which lets the monitor emulate one",
           gic_cause(probe)),
      mend);
}

Finding user_irqchip(const Probe& probe) {
  if (probe.kvm().capability("KVM_CAP_ARM_USER_IRQ") > 0)
    return fine("guests whose interrupt controller the monitor emulates (--irqchip user)");
  return absent(
      "this host's KVM cannot run a guest whose interrupt controller is in user space "
      "(KVM_CAP_ARM_USER_IRQ)",
      "the kernel is older than Linux 4.12", "use --irqchip gicv3, gicv2 or auto");
}

// What `vgic` has told the reason of.
Finding neither(const char* seen) {
  return absent(seen, "it has no virtual interrupt controller at all",
                "use --irqchip user or auto");
}

Finding gicv2(const Probe& probe) {
  const KvmReport& kvm = probe.kvm();
  if (kvm.has_controller("gicv2")) return fine("GICv2 guests (--irqchip gicv2)");
  if (!kvm.has_controller("gicv3")) return neither("this host's KVM has no virtual GICv2");
  if (mode_of(probe) == Mode::protected_nvhe)
    return absent("this host's KVM has no virtual GICv2",
                  "protected KVM does not support it (\"GICv2 not supported in protected mode\")",
                  "use --irqchip gicv3, user or auto, or boot the host without "
                  "kvm-arm.mode=protected");
  return absent("this host's KVM has no virtual GICv2",
                "the host's GICv3 has no GICv2 compatibility interface (GICV), as most have none",
                "use --irqchip gicv3, user or auto");
}

Finding gicv3(const Probe& probe) {
  const KvmReport& kvm = probe.kvm();
  if (kvm.has_controller("gicv3")) return fine("GICv3 guests (--irqchip gicv3)");
  if (!kvm.has_controller("gicv2")) return neither("this host's KVM has no virtual GICv3");
  return absent("this host's KVM has no virtual GICv3", "the host's own GIC is version 2",
                "use --irqchip gicv2, user or auto; at most 8 CPUs");
}

Finding ipa_size(const Probe& probe) {
  const i64 bits = probe.kvm().capability("KVM_CAP_ARM_VM_IPA_SIZE");
  if (bits <= 0) return fine("guests have 40 address bits (a kernel before Linux 4.20)");
  if (bits >= 40) return fine(text("guests have up to {} address bits", bits));
  const u64 most = (u64{1} << bits) - 1_GiB;  // RAM begins at 1 GiB
  return limited(text("guests have {} address bits", bits),
                 text("a guest's RAM ends below {}, which leaves {} of it",
                      size_text(u64{1} << bits), size_text(most)));
}

Finding nisv(const Probe& probe) {
  if (probe.kvm().capability("KVM_CAP_ARM_NISV_TO_USER") > 0)
    return fine(
        "device accesses that the processor does not describe come to the monitor "
        "(KVM_CAP_ARM_NISV_TO_USER)");
  return limited("no KVM_CAP_ARM_NISV_TO_USER",
                 "a guest that accesses a device by a pair, write-back or vector instruction ends "
                 "with \"no valid syndrome\"",
                 "Linux 5.5 or later on the host; plain loads and stores in the guest");
}

struct Extra {
  const char* capability;
  const char* words;
};
constexpr Extra extras[] = {
    {"KVM_CAP_ARM_SVE", "SVE"},
    {"KVM_CAP_ARM_PMU_V3", "PMU"},
    {"KVM_CAP_ARM_PTRAUTH_ADDRESS", "pointer authentication"},
    {"KVM_CAP_ARM_MTE", "memory tagging"},
    {"KVM_CAP_ARM_EL1_32BIT", "32-bit guests"},
};

Finding extra_features(const Probe& probe) {
  std::string have, lack;
  for (const Extra& extra : extras) {
    std::string& list = probe.kvm().capability(extra.capability) > 0 ? have : lack;
    list += list.empty() ? "" : ", ";
    list += extra.words;
  }
  const std::string seen = text("KVM could give guests: {}{}{}", have.empty() ? "none" : have,
                                lack.empty() ? "" : "; not: ", lack);
  return {have.empty() ? State::absent : State::fine, seen,
          "polyvisor hands none of these to guests yet", ""};
}

constexpr Check table[] = {
    {"hyp-mode", "exception level", true, hyp_mode},
    {"vgic", "interrupt controller", true, vgic},
    {"gicv3", "GICv3 guests", true, gicv3},
    {"gicv2", "GICv2 guests", true, gicv2},
    {"user-irqchip", "a GIC of the monitor's", true, user_irqchip},
    {"ipa-size", "guest addresses", true, ipa_size},
    {"nisv", "accesses without syndrome", true, nisv},
    {"cpu-features", "processor features", true, extra_features},
};

}  // namespace

Cause aarch64_without_kvm(const Probe& probe) {
  if (boot_parameter(probe, "kvm-arm.mode") == "none")
    return {"the kernel was told so: kvm-arm.mode=none on its command line",
            "take it out of the boot loader's configuration"};
  const bool no_hyp = !log_line(probe, "HYP mode not available").empty() ||
                      !log_line(probe, "started at EL1").empty();
  if (no_hyp && is_guest(probe))
    return {
        "the kernel was started at EL1 (\"HYP mode not available\"), because this machine is a "
        "guest: another hypervisor has EL2",
        "ask that hypervisor for nested virtualization (QEMU's emulation: -machine "
        "virt,virtualization=on), or use the board without it"};
  if (no_hyp)
    return {"the firmware started the kernel at EL1 (\"HYP mode not available\"); KVM needs EL2",
            "let the boot chain enter the kernel at EL2: Trusted Firmware-A hands over to BL33 at "
            "EL2 unless told otherwise, U-Boot must not have CONFIG_ARMV8_SWITCH_TO_EL1, vendors' "
            "boot loaders are often replaced by these two; a Raspberry Pi 3 needs its 64-bit "
            "firmware (arm_64bit=1)"};
  if (const std::string line = log_line(probe, "kvm"); !line.empty())
    return {text("the kernel says \"{}\"", line), "'dmesg | grep -i kvm' has the lines around it"};
  return {"the kernel has no CONFIG_KVM, or the firmware started it at EL1",
          "'dmesg | grep -i -e kvm -e EL2' tells which: \"HYP mode not available\" is the "
          "firmware's doing, silence the configuration's (polyvisor doctor --kernel-config "
          "/proc/config.gz)"};
}

std::span<const Check> aarch64_checks() { return table; }

}  // namespace pv::doctor
