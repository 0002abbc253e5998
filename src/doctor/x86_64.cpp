// What KVM on x86_64 depends on: VMX or SVM, switched on by the firmware, or KVM-PVM, which needs
// neither; second-level address translation, unrestricted guests, the TSC (Intel SDM 3C, "VMX";
// AMD APM 2, "SVM"; Linux Documentation/virt/kvm/x86/).
#include "doctor/parts.h"

namespace pv::doctor {
namespace {

bool cpu_flag(const Probe& probe, std::string_view flag) {
  const auto cpu = probe.read("/proc/cpuinfo");
  return cpu && has_word(field(*cpu, "flags"), flag);
}

// A module's parameter: "Y", "1" are on; nothing where the module is not there.
std::optional<bool> parameter(const Probe& probe, const char* path) {
  const auto value = probe.read(path);
  if (!value || value->empty()) return std::nullopt;
  return (*value)[0] == 'Y' || (*value)[0] == '1';
}

bool vmx(const Probe& probe) { return probe.kvm().fact("vmx") != 0; }
bool svm(const Probe& probe) { return probe.kvm().fact("svm") != 0; }

Finding virtualization(const Probe& probe) {
  const bool guest = probe.kvm().fact("hypervisor") != 0;
  if (vmx(probe) || svm(probe))
    return fine(text("{}{}", vmx(probe) ? "Intel VMX" : "AMD SVM",
                     guest ? ", given to this machine by the hypervisor it runs on: exits cost "
                             "several times as much"
                           : ""));
  return limited(
      "KVM without VMX and SVM (KVM-PVM)",
      "a guest's ring 0 is emulated at about a million instructions a second, without x87, "
      "SSE and some others: bare-metal guests run, Linux does not",
      "for Linux use a host with VMX or SVM, or an emulated one: lab/lab run x86_64 -- "
      "polyvisor run ...");
}

Finding translation(const Probe& probe) {
  const auto ept = parameter(probe, "/sys/module/kvm_intel/parameters/ept");
  const auto npt = parameter(probe, "/sys/module/kvm_amd/parameters/npt");
  const char* costs = "KVM keeps shadow page tables: every change of a guest's page tables exits";
  if (!ept && !npt) {
    if (vmx(probe) || svm(probe))
      return absent("whether guests have second-level translation is not known",
                    "/sys is not mounted, or KVM is built in without these parameters");
    return limited("no second-level address translation", costs);
  }
  if (ept.value_or(npt.value_or(false)))
    return fine(ept ? "extended page tables (EPT)" : "nested page tables (NPT)");
  return limited(
      ept ? "EPT is off" : "NPT is off", costs,
      ept ? "load kvm_intel with ept=1; in a virtual machine the outer hypervisor must "
            "offer it"
          : "load kvm_amd with npt=1; in a virtual machine the outer hypervisor must offer "
            "it");
}

Finding unrestricted(const Probe& probe) {
  const auto on = parameter(probe, "/sys/module/kvm_intel/parameters/unrestricted_guest");
  if (!on) return absent("unrestricted guests are a matter of Intel's processors");
  if (*on) return fine("unrestricted guests: real mode runs directly");
  return limited(
      "no unrestricted guests",
      "KVM emulates real mode: guests start slower, and some of their 16-bit code is not "
      "emulated",
      "load kvm_intel with unrestricted_guest=1 (and ept=1), where the processor has it");
}

Finding nested(const Probe& probe) {
  auto on = parameter(probe, "/sys/module/kvm_intel/parameters/nested");
  if (!on) on = parameter(probe, "/sys/module/kvm_amd/parameters/nested");
  if (on == true) return fine("guests could have KVM of their own");
  return absent("guests cannot have KVM of their own",
                "nested virtualization is off or not known; polyvisor's guests do not need it", "");
}

Finding tsc(const Probe& probe) {
  const KvmReport& kvm = probe.kvm();
  auto source = probe.read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  if (source && source->ends_with('\n')) source->pop_back();
  const i64 khz = kvm.fact("tsc_khz");
  const std::string rate =
      khz > 0 ? text("TSC at {} kHz", khz) : std::string("a TSC of unknown rate");
  if (source && *source != "tsc" && *source != "kvm-clock")
    return limited(text("{}; the host's own clock is {}", rate, *source),
                   "the host does not trust its TSC: guests' clocks may need exits or drift",
                   "'dmesg | grep -i tsc' says why");
  return fine(
      text("{}{}", rate,
           kvm.capability("KVM_CAP_TSC_DEADLINE_TIMER") > 0 ? ", with deadline timer" : ""));
}

Finding irqchip(const Probe& probe) {
  if (probe.kvm().capability("KVM_CAP_IRQCHIP") > 0)
    return fine("interrupt controllers in the kernel (8259, I/O APIC, local APICs), and a PIT");
  return broken("this host's KVM has no interrupt controllers of its own",
                "KVM_CAP_IRQCHIP is missing: the kernel's KVM was built without CONFIG_KVM_IOAPIC",
                "a kernel with CONFIG_KVM_IOAPIC=y (Linux 6.15 or later lets one leave it out)");
}

constexpr Check table[] = {
    {"virtualization", "hardware virtualization", true, virtualization},
    {"irqchip", "interrupt controller", true, irqchip},
    {"second-level", "address translation", true, translation},
    {"unrestricted", "real mode", true, unrestricted},
    {"nested", "nested virtualization", true, nested},
    {"tsc", "clock", true, tsc},
};

}  // namespace

Cause x86_64_without_kvm(const Probe& probe) {
  for (const char* words : {"disabled by bios", "disabled by BIOS", "BIOS disabled"})
    if (const std::string line = log_line(probe, words); !line.empty())
      return {
          text("the firmware has switched virtualization off (\"{}\")", line),
          "switch it on in the firmware's setup (Intel: VT-x, AMD: SVM Mode), then power off and "
          "on again"};
  const char* lab = "; 'lab/lab' of the source tree emulates a host";
  const auto cpu = probe.read("/proc/cpuinfo");
  if (cpu && !cpu_flag(probe, "vmx") && !cpu_flag(probe, "svm")) {
    if (cpu_flag(probe, "hypervisor"))
      return {"this machine is a virtual one, and its hypervisor gives it no VMX or SVM",
              text("ask for nested virtualization there{}", lab)};
    return {"the processor shows neither VMX nor SVM: it has none, or the firmware hides it",
            text("switch it on in the firmware's setup (Intel: VT-x, AMD: SVM Mode){}", lab)};
  }
  const char* module = cpu_flag(probe, "svm") ? "kvm_amd" : "kvm_intel";
  return {
      cpu ? text("the module {} is not loaded, or the kernel was built without it", module)
          : std::string("no KVM module is loaded, the kernel has none, or virtualization is off in "
                        "the firmware"),
      text("modprobe {}; if it refuses, dmesg says why{}", module, lab)};
}

std::span<const Check> x86_64_checks() { return table; }

}  // namespace pv::doctor
