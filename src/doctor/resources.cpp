// What a VM needs of the host besides KVM: memory, limits, and parts of the kernel that small
// configurations leave out.
#include <cerrno>

#include "doctor/parts.h"

namespace pv::doctor {
namespace {

std::string mib(u64 bytes) { return text("{} MiB", bytes >> 20); }

Finding memory(const Probe& probe) {
  const Memory memory = probe.memory();
  const u64 space = probe.limit(Limit::address_space);
  if (space != UINT64_MAX && space < memory.total)
    return limited(text("a process may have {} of address space", mib(space)),
                   "guest RAM beyond that cannot be reserved", "ulimit -v unlimited");
  if (memory.free < 64_MiB)
    return limited(
        text("{} of {} are available", mib(memory.free), mib(memory.total)),
        "a guest gets 256 MiB unless --mem says otherwise; what it touches must be there",
        "a small guest (--mem 16M), or more memory");
  return fine(text("{} of {} are available", mib(memory.free), mib(memory.total)));
}

Finding huge_pages(const Probe& probe) {
  auto mode = probe.read("/sys/kernel/mm/transparent_hugepage/enabled");
  if (!mode && probe.node("/sys/kernel").error != 0)
    return absent("whether there are huge pages is not known: /sys is not mounted");
  if (mode && mode->find("[always]") != mode->npos)
    return fine("transparent huge pages for all memory");
  if (mode && mode->find("[madvise]") != mode->npos)
    return fine("transparent huge pages where they are asked for, as guest RAM does");
  return limited(
      "no transparent huge pages",
      "guest RAM is mapped in small pages: more work for each first touch of a page",
      mode ? "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled"
           : "CONFIG_TRANSPARENT_HUGEPAGE in the host kernel, where the processor has them");
}

Finding memlock(const Probe& probe) {
  const u64 limit = probe.limit(Limit::memlock);
  if (limit == UINT64_MAX || probe.user().uid == 0) return fine("no limit on locked memory");
  if (limit >= 64_KiB) return fine(text("{} KiB of memory may be locked", limit >> 10));
  return limited(
      text("{} KiB of memory may be locked", limit >> 10),
      "io_uring needs some before Linux 5.12: disks with \"direct\" use a thread instead",
      "ulimit -l 64");
}

Finding open_files(const Probe& probe) {
  const u64 limit = probe.limit(Limit::open_files);
  if (limit >= 128) return fine(text("{} files may be open", limit));
  return limited(text("{} files may be open", limit),
                 "a VM needs some 20 descriptors, and two more for each CPU and each disk",
                 "ulimit -n 1024");
}

// What the event loop cannot do without.
Finding kernel_interfaces(const Probe& probe) {
  struct Needed {
    Feature feature;
    const char* option;
  };
  std::string missing;
  for (const Needed& needed :
       {Needed{Feature::epoll, "CONFIG_EPOLL"}, Needed{Feature::eventfd, "CONFIG_EVENTFD"},
        Needed{Feature::timerfd, "CONFIG_TIMERFD"}, Needed{Feature::signalfd, "CONFIG_SIGNALFD"}})
    if (probe.feature(needed.feature) == ENOSYS)
      missing += text("{}{}", missing.empty() ? "" : ", ", needed.option);
  if (missing.empty()) return fine("epoll, eventfd, timerfd and signalfd");
  return broken(text("the host kernel lacks {}", missing),
                "the monitor waits for its events by these calls",
                text("build the host kernel with {} (CONFIG_EXPERT shows them)", missing));
}

Finding sandbox(const Probe& probe) {
  const int seccomp = probe.feature(Feature::seccomp);
  const int landlock = probe.feature(Feature::landlock);
  if (seccomp == 0 && landlock == 0) return fine("seccomp filters and Landlock seal the monitor");
  if (seccomp != 0)
    return limited("no seccomp filters",
                   "a guest that broke out of a device model could make any system call",
                   "CONFIG_SECCOMP_FILTER in the host kernel");
  return limited("seccomp filters, but no Landlock",
                 "a guest that broke out of a device model would meet the file system's own "
                 "permissions only",
                 "CONFIG_SECURITY_LANDLOCK and landlock in lsm= (Linux 5.13)");
}

Finding io_uring(const Probe& probe) {
  // Not even tried: a ring that is merely closed breaks a later system call of the process
  // (docs/decisions/no-io-uring-on-powerpc.md).
  if (probe.arch() == Arch::powerpc)
    return absent("io_uring is not used on powerpc", "it does harm there");
  const int error = probe.feature(Feature::io_uring);
  if (error == 0) return fine("io_uring, for disks with \"direct\"");
  return limited(text("no io_uring ({})", errno_text(error)),
                 "disks with \"direct\" use a thread instead",
                 error == ENOSYS ? "CONFIG_IO_URING in the host kernel"
                                 : "sysctl kernel.io_uring_disabled=0, or the container's policy");
}

Finding userfaultfd(const Probe& probe) {
  const int error = probe.feature(Feature::userfaultfd);
  if (error == 0) return fine("userfaultfd");
  return absent(text("no userfaultfd ({})", errno_text(error)),
                "nothing of polyvisor's uses it yet");
}

// Devices that help with features which are still to come.
Finding helper(const Probe& probe, const char* path, const char* option, const char* purpose) {
  const Node node = probe.node(path);
  if (node.error == 0 && node.open_error == 0) return fine(text("{} opens", path));
  if (node.error == 0)
    return absent(text("{} does not open: {}", path, errno_text(node.open_error)),
                  text("it is for {}, which polyvisor does not have yet", purpose));
  return absent(text("no {}", path),
                text("it is for {}, which polyvisor does not have yet ({})", purpose, option));
}

Finding tun(const Probe& probe) {
  return helper(probe, "/dev/net/tun", "CONFIG_TUN", "network cards of guests");
}
Finding vhost_net(const Probe& probe) {
  return helper(probe, "/dev/vhost-net", "CONFIG_VHOST_NET", "network cards served by the kernel");
}
Finding vhost_vsock(const Probe& probe) {
  return helper(probe, "/dev/vhost-vsock", "CONFIG_VHOST_VSOCK", "sockets between guest and host");
}

Finding cgroups(const Probe& probe) {
  const auto mine = probe.read("/proc/self/cgroup");
  if (!mine || mine->empty())
    return absent("no control groups", "nothing limits a VM but the host itself");
  if (!mine->starts_with("0::")) return fine("control groups of version 1");
  std::string path =
      mine->substr(3, mine->find('\n') == mine->npos ? mine->npos : mine->find('\n') - 3);
  auto most = probe.read(text("/sys/fs/cgroup{}/memory.max", path));
  if (!most || most->starts_with("max"))
    return fine("control groups of version 2, no memory limit here");
  if (most->ends_with('\n')) most->pop_back();
  return fine(text("control groups of version 2: this one's memory ends at {} bytes", *most));
}

Finding file_systems(const Probe& probe) {
  const bool proc = probe.node("/proc/self").error == 0;
  const bool sys = probe.node("/sys/kernel").error == 0;
  if (proc && sys) return fine("/proc and /sys are mounted");
  return limited(text("{} not mounted", proc  ? "/sys is"
                                        : sys ? "/proc is"
                                              : "/proc and /sys are"),
                 "guests run without them (powerpc needs /proc), but the doctor sees less",
                 "mount -t proc proc /proc; mount -t sysfs sysfs /sys");
}

Finding kernel_log(const Probe& probe) {
  const auto& log = probe.kernel_log();
  if (!log)
    return absent("the kernel's log may not be read",
                  "kernel.dmesg_restrict is on, or a container hides it",
                  "run as root to see KVM's own words");
  return fine(text("{} lines of the kernel's log are about virtualization", log->size()));
}

constexpr Check table[] = {
    {"kernel-interfaces", "system calls", false, kernel_interfaces},
    {"memory", "memory", false, memory},
    {"huge-pages", "huge pages", false, huge_pages},
    {"memlock", "locked memory", false, memlock},
    {"open-files", "open files", false, open_files},
    {"sandbox", "the monitor's jail", false, sandbox},
    {"io-uring", "disk I/O", false, io_uring},
    {"userfaultfd", "userfaultfd", false, userfaultfd},
    {"tun", "tun", false, tun},
    {"vhost-net", "vhost-net", false, vhost_net},
    {"vhost-vsock", "vhost-vsock", false, vhost_vsock},
    {"cgroups", "control groups", false, cgroups},
    {"file-systems", "/proc and /sys", false, file_systems},
    {"kernel-log", "the kernel's log", false, kernel_log},
};

}  // namespace

std::span<const Check> resource_checks() { return table; }

}  // namespace pv::doctor
