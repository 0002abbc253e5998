// The options as tables. Texts say what is lost, not what Kconfig's help says. What is selected by
// other options cannot be set by hand: AVF's guide for Android lists most of those.
#include "boot/inspection.h"
#include "doctor/kernel_config.h"

namespace pv::doctor {
namespace {

constexpr State needed = State::broken, wanted = State::limited, optional = State::absent;

constexpr KernelOption every_host_needs[] = {
    {"VIRTUALIZATION", needed, "the menu that KVM stands in", "KVM cannot be switched on", ""},
    {"EVENTFD", needed, "events between threads", "the monitor cannot wait for its events", "",
     false},
    {"EPOLL", needed, "the event loop", "the monitor cannot wait for its events", "", false},
    {"TIMERFD", needed, "timers of the event loop", "the monitor has no timers", "", false},
    {"SIGNALFD", needed, "signals as events", "the monitor cannot be ended in order", "", false},
    {"FUTEX", needed, "threads", "virtual CPUs are threads", "", false},
};

constexpr KernelOption every_host_wants[] = {
    {"HIGH_RES_TIMERS", wanted, "guests' timers on time", "guests' timers are late by up to a tick",
     "", false},
    {"SECCOMP_FILTER", wanted, "the monitor's jail",
     "a guest that broke out of a device model could make any system call", "", false},
    {"SECURITY_LANDLOCK", wanted, "the monitor's jail",
     "a guest that broke out of a device model meets the file system's permissions only", "",
     false},
    {"UNIX", wanted, "the control socket",
     "running VMs cannot be listed, paused or stopped by name", ""},
    {"PROC_FS", wanted, "/proc",
     "the doctor sees less; on powerpc guests need the timebase from there", "", false},
    {"DEVTMPFS", wanted, "/dev/kvm by itself", "the node has to be made: mknod /dev/kvm c 10 232",
     "", false},
    {"PRINTK", wanted, "the kernel's log", "KVM cannot say why it does not start", "", false},
    {"IO_URING", wanted, "disks with \"direct\"", "disks with \"direct\" use a thread instead", "",
     false},
    {"MEMFD_CREATE", optional, "memory with a descriptor", "polyvisor does not need it yet",
     "TMPFS or HUGETLBFS", false},
    {"TUN", optional, "network cards of guests", "polyvisor has no network yet", ""},
    {"VHOST_NET", optional, "network cards served by the kernel", "polyvisor has no network yet",
     ""},
    {"VHOST_VSOCK", optional, "sockets between guest and host", "polyvisor has no vsock yet", ""},
    {"VFIO", optional, "host devices in guests", "polyvisor hands no host devices to guests yet",
     ""},
    {"USERFAULTFD", optional, "guest memory brought when it is touched",
     "polyvisor does not need it yet", "", false},
    {"HUGETLBFS", optional, "reserved huge pages", "polyvisor uses transparent ones", "", false},
    {"CGROUPS", optional, "limits for each VM", "nothing limits a VM but the host itself", "",
     false},
    {"PERF_EVENTS", optional, "counting what guests cost", "perf kvm does not work", "", false},
    {"IKCONFIG", optional, "its own configuration in the kernel",
     "the doctor cannot read the running kernel's configuration", ""},
};

constexpr KernelOption huge_pages = {"TRANSPARENT_HUGEPAGE",
                                     wanted,
                                     "guest RAM in huge pages",
                                     "more work for each first touch of a page, more TLB misses",
                                     "",
                                     false};

// What KVM brings along. `by` is its name on the architecture.
#define PV_SELECTED(name, gives, by) \
  KernelOption { name, State::absent, gives, "it comes with the option that selects it", by, true }

constexpr KernelOption aarch64_host[] = {
    {"KVM", needed, "KVM", "there is no /dev/kvm", "", false},
    huge_pages,
    {"PTP_1588_CLOCK_KVM", optional, "a guest's clock from the host's",
     "an option for guests, not for hosts", ""},
    PV_SELECTED("HAVE_KVM",
                "says that the architecture has KVM; newer kernels (6.12) no longer have it",
                "the architecture"),
    PV_SELECTED("HAVE_KVM_IRQCHIP", "a GIC in the kernel", "KVM"),
    PV_SELECTED("HAVE_KVM_IRQFD",
                "interrupts from eventfds; part of KVM itself in newer kernels (6.12)", "KVM"),
    PV_SELECTED("HAVE_KVM_IRQ_ROUTING", "routing of interrupts", "KVM"),
    PV_SELECTED("HAVE_KVM_EVENTFD",
                "doorbells in the kernel; part of KVM itself in newer kernels (6.12)", "KVM"),
    PV_SELECTED("KVM_MMIO", "device accesses that the monitor handles", "KVM"),
    PV_SELECTED("HAVE_KVM_MSI", "message-signalled interrupts", "KVM"),
    PV_SELECTED("HAVE_KVM_CPU_RELAX_INTERCEPT", "yielding of spinning guests", "KVM"),
    PV_SELECTED("KVM_VFIO", "host devices in guests, where VFIO is on", "KVM"),
    PV_SELECTED("HAVE_KVM_ARCH_TLB_FLUSH_ALL",
                "TLB flushes; newer kernels (6.12) no longer have it", "KVM"),
    PV_SELECTED("KVM_GENERIC_DIRTYLOG_READ_PROTECT", "the log of written pages", "KVM"),
    PV_SELECTED("HAVE_KVM_IRQ_BYPASS", "interrupts of host devices straight to guests", "KVM"),
    PV_SELECTED("HAVE_KVM_VCPU_RUN_PID_CHANGE", "CPUs that change threads", "KVM"),
    PV_SELECTED("KVM_XFER_TO_GUEST_WORK", "pending work before a guest is entered", "KVM"),
    PV_SELECTED("KVM_COMMON", "eventfds, MMU and preemption notifiers, in newer kernels (6.12)",
                "KVM"),
    PV_SELECTED("MMU_NOTIFIER", "host memory that moves under a guest", "KVM"),
    PV_SELECTED("PREEMPT_NOTIFIERS", "CPUs that are scheduled away", "KVM"),
};

constexpr KernelOption riscv64_host[] = {
    {"KVM", needed, "KVM", "there is no /dev/kvm", ""},
    {"RISCV_SBI", needed, "the firmware's calls", "KVM depends on it", "", false},
    huge_pages,
    PV_SELECTED("HAVE_KVM_IRQCHIP", "an AIA in the kernel (Linux 6.5)", "KVM"),
    PV_SELECTED("HAVE_KVM_IRQ_ROUTING", "routing of interrupts (Linux 6.5)", "KVM"),
    PV_SELECTED("HAVE_KVM_MSI", "message-signalled interrupts (Linux 6.5)", "KVM"),
    PV_SELECTED("HAVE_KVM_EVENTFD",
                "doorbells in the kernel; part of KVM itself in newer kernels (6.12)", "KVM"),
    PV_SELECTED("KVM_MMIO", "device accesses that the monitor handles", "KVM"),
    PV_SELECTED("KVM_GENERIC_DIRTYLOG_READ_PROTECT", "the log of written pages", "KVM"),
    PV_SELECTED("KVM_XFER_TO_GUEST_WORK", "pending work before a guest is entered", "KVM"),
    PV_SELECTED("MMU_NOTIFIER", "host memory that moves under a guest", "KVM"),
};

constexpr KernelOption powerpc_host[] = {
    {"KVM_E500V2|KVM_E500MC", needed,
     "KVM for the core: E500V2 on e500v2, E500MC on e500mc, e5500 and e6500",
     "there is no /dev/kvm", "", false},
    {"KVM_MPIC", needed, "an interrupt controller for guests", "no guest gets interrupts", "",
     false},
    PV_SELECTED("KVM", "KVM", "KVM_E500V2 or KVM_E500MC"),
    PV_SELECTED("KVM_MMIO", "device accesses that the monitor handles", "KVM_E500V2 or KVM_E500MC"),
    PV_SELECTED("KVM_BOOKE_HV", "the embedded hypervisor mode", "KVM_E500MC"),
    PV_SELECTED("HAVE_KVM_IRQCHIP", "an MPIC in the kernel", "KVM_MPIC"),
    PV_SELECTED("HAVE_KVM_IRQ_ROUTING", "routing of interrupts", "KVM_MPIC"),
    PV_SELECTED("HAVE_KVM_MSI", "message-signalled interrupts", "KVM_MPIC"),
    PV_SELECTED("HAVE_KVM_EVENTFD",
                "doorbells in the kernel; part of KVM itself in newer kernels (6.12)", "KVM"),
};

constexpr KernelOption x86_64_host[] = {
    {"KVM", needed, "KVM", "there is no /dev/kvm", ""},
    {"KVM_INTEL|KVM_AMD|KVM_PVM", needed,
     "KVM for the processor's maker (PVM: without its virtualization)", "there is no /dev/kvm", ""},
    huge_pages,
    PV_SELECTED("HAVE_KVM",
                "says that the architecture has KVM; newer kernels (6.12) no longer have it",
                "the architecture"),
    PV_SELECTED("HAVE_KVM_IRQCHIP", "interrupt controllers in the kernel", "KVM"),
    PV_SELECTED("HAVE_KVM_IRQFD",
                "interrupts from eventfds; part of KVM itself in newer kernels (6.12)", "KVM"),
    PV_SELECTED("HAVE_KVM_IRQ_ROUTING", "routing of interrupts", "KVM"),
    PV_SELECTED("HAVE_KVM_EVENTFD",
                "doorbells in the kernel; part of KVM itself in newer kernels (6.12)", "KVM"),
    PV_SELECTED("KVM_MMIO", "device accesses that the monitor handles", "KVM"),
    PV_SELECTED("HAVE_KVM_MSI", "message-signalled interrupts", "KVM"),
    PV_SELECTED("KVM_VFIO", "host devices in guests, where VFIO is on", "KVM"),
    PV_SELECTED("MMU_NOTIFIER", "host memory that moves under a guest", "KVM"),
    PV_SELECTED("PREEMPT_NOTIFIERS", "CPUs that are scheduled away", "KVM"),
};

#undef PV_SELECTED

constexpr KernelOption every_guest[] = {
    {"TTY", needed, "consoles", "nothing that it says will be seen", "", false},
    {"PRINTK", wanted, "the kernel's log", "it says nothing while it boots", "", false},
    {"BLK_DEV_INITRD", wanted, "an initrd", "run --initrd is of no use", "", false},
    {"SMP", wanted, "more than one CPU", "run --cpus is of no use", "", false},
    {"DEVTMPFS", wanted, "/dev by itself", "the initrd has to make every node", "", false},
    {"SERIAL_EARLYCON", optional, "the earliest messages (earlycon)",
     "a kernel that hangs early is silent", "console drivers"},
};

constexpr KernelOption aarch64_guest[] = {
    {"ARM_PSCI_FW", needed, "starting CPUs, power-off and reset",
     "it has one CPU and cannot be switched off", "the architecture", false},
    {"ARM_ARCH_TIMER", needed, "its timer", "it has no clock and hangs while it boots",
     "the architecture", false},
    {"ARM_AMBA", needed, "the bus that the UART is on", "the serial console is not found",
     "the architecture", false},
    {"RTC_DRV_PL031", optional, "the time of day", "it begins in 1970", ""},
    {"PARAVIRT", optional, "time stolen by the host", "it counts the host's work as its own", "",
     false},
    {"PTP_1588_CLOCK_KVM", optional, "its clock kept in step with the host's",
     "its clock drifts until NTP mends it", ""},
};

constexpr KernelOption riscv64_guest[] = {
    {"RISCV_SBI", needed, "starting CPUs, timer, power-off and reset",
     "it does not boot in VS-mode", "", false},
    {"SERIAL_8250_CONSOLE", needed, "the serial console", "nothing that it says will be seen", "",
     false},
    {"RTC_DRV_GOLDFISH", optional, "the time of day", "it begins in 1970", ""},
    {"SERIAL_EARLYCON_RISCV_SBI", optional, "earlycon=sbi",
     "earlycon takes the UART from the device tree", "", false},
};

constexpr KernelOption powerpc_guest[] = {
    {"PPC_QEMU_E500", needed, "the board", "it does not know the machine", "", false},
    {"SERIAL_8250_CONSOLE", needed, "the serial console", "nothing that it says will be seen", "",
     false},
    {"EPAPR_PARAVIRT", wanted, "hypercalls", "it spins where it could sleep", "", false},
    {"KVM_GUEST", wanted, "privileged instructions patched to loads and stores",
     "on e500v2 every one of them costs an exit", "", false},
    {"GPIO_MPC8XXX", wanted, "the line that switches the power off", "poweroff hangs", ""},
    {"POWER_RESET_GPIO", wanted, "power-off", "poweroff hangs", "", false},
    {"COMPAT_32BIT_TIME", wanted, "the time calls of 32-bit programs",
     "Debian's 32-bit programs abort", "", false},
};

constexpr KernelOption x86_64_guest[] = {
    {"ACPI", needed, "power-off, and where the virtio devices are",
     "no virtio device is found, poweroff hangs", "", false},
    {"X86_LOCAL_APIC", needed, "interrupts", "it has one CPU and no timer", "", false},
    {"KVM_GUEST", wanted, "the paravirtual clock",
     "it measures the TSC at each boot, and its clock drifts", "", false},
    {"PVH", optional, "starting an uncompressed vmlinux", "only the bzImage starts", "", false},
    {"X86_X2APIC", optional, "more than 255 CPUs, and cheaper interrupts",
     "interrupts between CPUs cost more", "", false},
    {"RTC_DRV_CMOS", optional, "the time of day", "the kernel reads it once itself", ""},
};

void add(std::vector<KernelOption>& all, std::span<const KernelOption> part) {
  all.insert(all.end(), part.begin(), part.end());
}

std::span<const KernelOption> host_part(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return aarch64_host;
    case Arch::riscv64: return riscv64_host;
    case Arch::powerpc: return powerpc_host;
    case Arch::x86_64: return x86_64_host;
  }
  return {};
}

std::span<const KernelOption> guest_part(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return aarch64_guest;
    case Arch::riscv64: return riscv64_guest;
    case Arch::powerpc: return powerpc_guest;
    case Arch::x86_64: return x86_64_guest;
  }
  return {};
}

}  // namespace

std::vector<KernelOption> kernel_options(Arch arch, Role role) {
  std::vector<KernelOption> all;
  if (role == Role::host) {
    add(all, every_host_needs);
    add(all, host_part(arch));
    add(all, every_host_wants);
    return all;
  }
  // Drivers of the machine, in the words of `polyvisor inspect`.
  for (const boot::Driver& driver : boot::drivers_for(arch))
    all.push_back({driver.option, driver.essential ? needed : wanted, driver.what, driver.without,
                   "", !driver.essential});
  add(all, guest_part(arch));
  add(all, every_guest);
  return all;
}

}  // namespace pv::doctor
