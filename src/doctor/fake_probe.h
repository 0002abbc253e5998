// FakeProbe: a made-up host for unit tests. A default one is healthy and of the given architecture.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <set>

#include "doctor/probe.h"

namespace pv::doctor {

class FakeProbe final : public Probe {
 public:
  explicit FakeProbe(Arch arch);

  // Without KVM: the device does not open, for this reason.
  void close_kvm(int error) {
    report = KvmReport{};
    report.open_error = error;
    nodes.erase("/dev/kvm");
  }
  void set_capability(const std::string& name, i64 value) { set(report.capabilities, name, value); }
  void set_controller(const std::string& name, int error) { set(report.controllers, name, error); }
  void set_fact(const std::string& name, i64 value) { set(report.facts, name, value); }

  Arch arch() const override { return arch_; }
  const KvmReport& kvm() const override { return report; }
  std::optional<std::string> read(const std::string& path) const override {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  }
  Node node(const std::string& path) const override {
    const auto found = nodes.find(path);
    return found == nodes.end() ? Node{ENOENT, 0, 0, 0, ENOENT} : found->second;
  }
  int feature(Feature wanted) const override {
    asked.insert(wanted);
    const auto found = features.find(wanted);
    return found == features.end() ? 0 : found->second;
  }
  u64 limit(Limit limit) const override { return limits[static_cast<usize>(limit)]; }
  User user() const override { return user_; }
  System system() const override { return {"6.1.0", "#1 SMP", std::string(name(arch_)), 2}; }
  Memory memory() const override { return memory_; }
  const std::optional<std::vector<std::string>>& kernel_log() const override { return log; }

  KvmReport report;
  std::map<std::string, std::string> files;
  std::map<std::string, Node> nodes;
  std::map<Feature, int> features;
  mutable std::set<Feature> asked;  // for which features the host was tried
  u64 limits[3] = {UINT64_MAX, 1024, UINT64_MAX};
  User user_{0, {0}};
  Memory memory_{u64{1} << 30, u64{512} << 20};
  std::optional<std::vector<std::string>> log = std::vector<std::string>{};

 private:
  static void set(std::vector<NamedValue>& list, const std::string& name, i64 value) {
    for (NamedValue& entry : list)
      if (entry.name == name) {
        entry.value = value;
        return;
      }
    list.push_back({name, value});
  }

  Arch arch_;
};

inline FakeProbe::FakeProbe(Arch arch) : arch_(arch) {
  report.api_version = 12;
  report.trial.attempted = report.trial.passed = true;
  for (const char* capability :
       {"KVM_CAP_IOEVENTFD", "KVM_CAP_COALESCED_MMIO", "KVM_CAP_COALESCED_PIO", "KVM_CAP_IRQFD",
        "KVM_CAP_SET_GUEST_DEBUG", "KVM_CAP_IRQCHIP", "KVM_CAP_DEVICE_CTRL", "KVM_CAP_IRQ_MPIC",
        "KVM_CAP_IRQ_ROUTING", "KVM_CAP_SW_TLB", "KVM_CAP_PPC_BOOKE_SREGS",
        "KVM_CAP_PPC_BOOKE_WATCHDOG", "KVM_CAP_PPC_GET_PVINFO", "KVM_CAP_ARM_NISV_TO_USER",
        "KVM_CAP_ARM_USER_IRQ"})
    set_capability(capability, 1);
  set_capability("KVM_CAP_MAX_VCPUS", 512);
  set_capability("KVM_CAP_ARM_VM_IPA_SIZE", 44);
  set_capability("KVM_CAP_VM_GPA_BITS", 50);
  for (const char* controller : {"gicv3", "aia", "mpic-4.2", "pc"}) set_controller(controller, 0);
  for (const char* fact : {"isa i", "isa m", "isa a", "isa sstc", "sbi DBCN", "vmx"})
    set_fact(fact, 1);
  set_fact("tsc_khz", 2'000'000);
  nodes["/dev/kvm"] = {0, S_IFCHR | 0660, 0, 104, 0};
  nodes["/proc/self"] = nodes["/sys/kernel"] = {0, S_IFDIR | 0555, 0, 0, 0};
  files["/etc/group"] = "root:x:0:\nkvm:x:104:alice\n";
  files["/etc/passwd"] = "root:x:0:0:root:/root:/bin/sh\n";
  files["/proc/misc"] = "232 kvm\n130 watchdog\n";
  files["/proc/cmdline"] = "console=ttyS0 root=/dev/vda\n";
  files["/proc/modules"] = "";
  files["/proc/cpuinfo"] =
      "processor\t: 0\nisa\t\t: rv64imafdch_zicsr_sstc\nflags\t\t: fpu vmx sse\ncpu\t\t: e500v2\n"
      "timebase\t: 24000000\n";
  files["/sys/kernel/mm/transparent_hugepage/enabled"] = "[always] madvise never\n";
  files["/sys/module/kvm_intel/parameters/ept"] = "Y\n";
  files["/sys/module/kvm_intel/parameters/unrestricted_guest"] = "Y\n";
  files["/sys/devices/system/clocksource/clocksource0/current_clocksource"] = "tsc\n";
}

}  // namespace pv::doctor
