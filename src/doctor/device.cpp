// /dev/kvm: present, permitted, KVM's, of the version that everybody speaks since Linux 2.6.22; and
// whether it makes a virtual machine. Why there is none is each architecture's own story.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "doctor/parts.h"

namespace pv::doctor {
namespace {

constexpr const char* device_path = "/dev/kvm";
constexpr int api_version = 12;

// Numbers of the misc devices that have registered: "232 kvm" in /proc/misc.
bool registered(const Probe& probe) {
  const auto misc = probe.read("/proc/misc");
  return misc && has_word(*misc, "kvm");
}

Cause without_kvm(const Probe& probe) {
  if (registered(probe))
    return {"the kernel's KVM is there (/proc/misc lists it), only its device node is missing",
            "mount -t devtmpfs devtmpfs /dev, or: mknod /dev/kvm c 10 232"};
  switch (probe.arch()) {
    case Arch::aarch64: return aarch64_without_kvm(probe);
    case Arch::riscv64: return riscv64_without_kvm(probe);
    case Arch::powerpc: return powerpc_without_kvm(probe);
    case Arch::x86_64: return x86_64_without_kvm(probe);
  }
  return {};
}

Finding missing(const Probe& probe) {
  Cause cause = without_kvm(probe);
  if (!probe.read("/proc/misc"))
    cause.why += "; /proc is not mounted, so that the cause can only be guessed";
  return broken("there is no /dev/kvm on this host", std::move(cause.why), std::move(cause.mend));
}

std::string owner(const Probe& probe, const Node& node) {
  return text("{}:{}, mode {:04o}", user_name(probe, node.owner), group_name(probe, node.group),
              node.mode & 07777);
}

Finding forbidden(const Probe& probe, int error) {
  const Node node = probe.node(device_path);
  const User user = probe.user();
  const bool in_group = std::ranges::find(user.groups, node.group) != user.groups.end();
  const bool allowed = user.uid == 0 || (node.mode & 0006) == 0006 ||
                       (in_group && (node.mode & 0060) == 0060) ||
                       (user.uid == node.owner && (node.mode & 0600) == 0600);
  const std::string seen = "no permission to open /dev/kvm";
  if (allowed || node.error != 0)
    return broken(
        seen,
        text("its owner and mode ({}) allow it, so something above them forbids it ({}): a "
             "security module (SELinux, AppArmor), a device cgroup, or a container",
             owner(probe, node), errno_text(error)),
        "in a container: give it the device (docker run --device /dev/kvm); on Android "
        "and SELinux hosts look for \"avc: denied\" in dmesg; AppArmor: aa-status");
  if ((node.mode & 0060) == 0060)
    return broken(seen,
                  text("it belongs to {}, and you (uid {}) are not in the group {}",
                       owner(probe, node), user.uid, group_name(probe, node.group)),
                  text("usermod -a -G {} USER as root, then log in again; or run as root",
                       group_name(probe, node.group)));
  return broken(seen, text("only its owner may: {}", owner(probe, node)),
                "chgrp kvm /dev/kvm && chmod 660 /dev/kvm as root, and join the group kvm; or run "
                "as root");
}

Finding open_device(const Probe& probe) {
  const KvmReport& kvm = probe.kvm();
  const int error = kvm.open_error;
  if (error == ENOENT || error == ENXIO || error == ENODEV) return missing(probe);
  if (error == EACCES || error == EPERM) return forbidden(probe, error);
  if (error != 0)
    return broken(text("/dev/kvm cannot be opened: {}", errno_text(error)),
                  "the kernel's KVM refused for a reason of its own",
                  "look for KVM's lines in dmesg");
  if (kvm.api_version < 0)
    return broken("/dev/kvm is not KVM's device", "something else answers under this name",
                  "remove it, then: mknod /dev/kvm c 10 232");
  if (kvm.api_version != api_version)
    return broken(text("the host speaks KVM API version {}; polyvisor needs version {}",
                       kvm.api_version, api_version),
                  "the kernel is older than Linux 2.6.22, or its KVM is not the usual one",
                  "use another kernel");
  const Node node = probe.node(device_path);
  return fine(node.error != 0 ? text("KVM's device opens, API version {}", kvm.api_version)
                              : text("/dev/kvm opens ({}), API version {}", owner(probe, node),
                                     kvm.api_version));
}

Finding create_vm(const Probe& probe) {
  const KvmReport& kvm = probe.kvm();
  const int error = kvm.create_vm_error;
  if (error == 0) {
    const i64 cpus = kvm.capability("KVM_CAP_MAX_VCPUS");
    return fine(cpus > 0 ? text("KVM makes a VM, of at most {} CPUs", cpus) : "KVM makes a VM");
  }
  const std::string seen = text("KVM makes no VM: {}", errno_text(error));
  if (error == EBUSY)
    return broken(seen, "another hypervisor holds the processor's virtualization",
                  "end it (VirtualBox, VMware, a Xen dom0), or unload its modules");
  if (error == ENOMEM)
    return broken(seen, "the kernel has no memory left, or a memory cgroup forbids it",
                  "free memory, or raise the cgroup's memory.max");
  if (error == EPERM || error == EACCES)
    return broken(seen, "a security module or the lockdown of the kernel forbids it",
                  "look for \"avc: denied\" or \"Lockdown\" in dmesg");
  if (error == EINVAL && probe.arch() == Arch::powerpc)
    return broken(seen, "the kernel has KVM for another kind of PowerPC core than this one",
                  "CONFIG_KVM_E500V2 for e500v2, CONFIG_KVM_E500MC for e500mc, e5500 and e6500");
  return broken(seen, "KVM_CREATE_VM failed for a reason that is not known here",
                "look for KVM's lines in dmesg; report it with the kernel's version");
}

constexpr Check table[] = {
    {"kvm-device", "KVM's device", false, open_device},
    {"create-vm", "making a VM", true, create_vm},
};

}  // namespace

std::span<const Check> device_checks() { return table; }

}  // namespace pv::doctor
