// Options of kvmtool's and crosvm's commands that we do not have, and what to do instead. One
// that we come to support leaves this table.
#include "cli/option.h"

namespace pv::cli {
namespace {

constexpr std::string_view kvmtool = "kvmtool";
constexpr std::string_view crosvm = "crosvm";
constexpr std::string_view both = "kvmtool and crosvm";

constexpr std::string_view leave_out = "leave it out: it has nothing to switch off here";
constexpr std::string_view no_network =
    "there is no network device yet; leave it out, or carry data in the initrd or on a --disk";
constexpr std::string_view no_share =
    "there is no shared folder yet; put the files into the initrd or on a --disk";
constexpr std::string_view no_firmware =
    "firmware is not started yet; give the kernel itself: polyvisor run KERNEL";
constexpr std::string_view no_vsock = "there is no vsock device yet; leave it out";
constexpr std::string_view no_terminals =
    "give the port a terminal that exists: --serial type=file,path=TTY,input=TTY,num=N";
constexpr std::string_view no_protection =
    "a protected guest's memory is closed to the monitor (pKVM), and these devices read and write "
    "it "
    "directly; leave it out to run the guest unprotected";
constexpr std::string_view no_pages = "guest RAM uses the host's normal pages; leave it out";
constexpr std::string_view no_affinity =
    "leave it out and set the affinity of the whole process: taskset -c CPUS polyvisor run KERNEL";
constexpr std::string_view no_features = "the guest sees what the host's KVM offers; leave it out";
constexpr std::string_view no_debugger =
    "write --gdb tcp:PORT --gdb-wait, and step with gdb's 'stepi'";
constexpr std::string_view trace = "use --log-level debug, or --exit-stats for a count by cause";

constexpr Foreign table[] = {
    {"9p", 0, kvmtool, no_share},
    {"aarch32", 0, kvmtool, "only 64-bit guests are started; leave it out"},
    {"balloon", 0, kvmtool, "there is no balloon device; leave it out"},
    {"battery", 0, crosvm, "there is no battery device; leave it out"},
    {"bios", 0, crosvm, no_firmware},
    {"block", 0, crosvm, "write --disk FILE[,ro][,direct]"},
    {"cid", 0, crosvm, no_vsock},
    {"cpu-affinity", 0, crosvm, no_affinity},
    {"cpu-type", 0, kvmtool, no_features},
    {"custom-*", 0, kvmtool, no_features},
    {"debug", 0, kvmtool, trace},
    {"debug-ioport", 0, kvmtool, trace},
    {"debug-mmio", 0, kvmtool, trace},
    {"debug-single-step", 0, kvmtool, no_debugger},
    {"device-tree-overlay", 0, crosvm, "merge it with fdtoverlay and give the result with --dtb"},
    {"disable-*", 0, kvmtool, no_features},
    {"disable-mte", 0, kvmtool, no_features},
    {"dump-device-tree-blob", 0, crosvm, "write --dump-dtb FILE"},
    {"extended-status", 0, crosvm, "write it before the command: polyvisor --extended-status run"},
    {"firmware", 'f', kvmtool, no_firmware},
    {"flash", 'F', kvmtool, no_firmware},
    {"fw-cfg", 0, crosvm, "pass the data on the command line (--params) or in the initrd"},
    {"hugepages", 0, crosvm, no_pages},
    {"hugetlbfs", 0, kvmtool, no_pages},
    {"kaslr-seed", 0, kvmtool, "a seed of your own choice cannot be given; leave it out"},
    {"loglevel", 0, kvmtool, "write --log-level error|warn|info|debug"},
    {"mte", 0, crosvm, no_features},
    {"net", 0, crosvm, no_network},
    {"network", 'n', kvmtool, no_network},
    {"no-dhcp", 0, kvmtool, leave_out},
    {"no-pmu", 0, crosvm, no_features},
    {"no-pvtime", 0, kvmtool, no_features},
    {"nodefaults", 0, kvmtool, "leave it out: a VM has only what is asked for"},
    {"pflash", 0, crosvm, no_firmware},
    {"pmem", 0, crosvm, "write --disk FILE[,ro][,direct]"},
    {"pmu", 0, kvmtool, no_features},
    {"protected-vm", 0, crosvm, no_protection},
    {"protected-vm-with-firmware", 0, crosvm, no_protection},
    {"psci", 0, kvmtool, "the guest gets the newest PSCI that KVM offers; leave it out"},
    {"restore", 0, crosvm, "there are no snapshots yet; start the guest afresh"},
    {"sandbox", 0, kvmtool, "run the program as the initrd's init: --params rdinit=PROGRAM"},
    {"seccomp-policy-dir", 0, crosvm, "the filter is part of polyvisor; leave it out"},
    {"shared-dir", 0, crosvm, no_share},
    {"smccc-trng", 0, crosvm, "use --rng for entropy"},
    {"suspended", 0, crosvm, "start the guest and pause it: polyvisor pause NAME"},
    {"sve-max-vl", 0, kvmtool, no_features},
    {"swiotlb", 0, crosvm, "devices reach all of the guest's memory; leave it out"},
    {"tap-fd", 0, crosvm, no_network},
    {"tty", 0, kvmtool, no_terminals},
    {"unprotected-vm-with-firmware", 0, crosvm, no_firmware},
    {"vcpu-affinity", 0, kvmtool, no_affinity},
    {"vfio-pci", 0, kvmtool, "host devices cannot be handed to a guest yet; leave it out"},
    {"vhost-user", 0, crosvm, "devices of other processes cannot be attached yet; leave it out"},
    {"vsock", 0, both, no_vsock},
};

constexpr Foreign list_table[] = {
    {"run", 'i', kvmtool, "leave it out: list shows running VMs, and there are no others"},
    {"rootfs", 'r', kvmtool, "leave it out: no root file systems are kept"},
};
constexpr Foreign stat_table[] = {
    {"memory", 'm', kvmtool, "leave it out: stat prints all counters; there is no balloon device"},
};

}  // namespace

std::span<const Foreign> foreign_options(std::string_view command) {
  if (command == "run") return table;
  if (command == "list") return list_table;
  if (command == "stat") return stat_table;
  return {};
}

}  // namespace pv::cli
