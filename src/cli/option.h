// The options of every command as constexpr tables: the parser, --help, the manual page, the shell
// completion and the suggestions for misspelt names all read the same ones.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/types.h"

namespace pv::cli {

enum class Id : u8 {
  kernel,
  initrd,
  params,
  cpus,
  memory,
  disk,
  rng,
  kernel_config,
  guest,
  name,
  dtb,
  dump_dtb,
  console,
  serial,
  board,
  irqchip,
  transport,
  virtio_transport,
  nisv,
  log_level,
  config,
  print_config,
  disable_sandbox,
  exit_stats,
  gdb,
  gdb_wait,
  reboot,
  socket,
  no_balloon,
  no_rng,
  extended_status,
  all,
  arch,
  json,
  from_dump,
  symbols,
  log,
  samples,
  trace,
  trace_limit,
  timeline,
  vcpu,
  context,
  ignore,
  interrupted,
  differential,
  watchdog,
  reset_policy,
  help,
  version,
  man,
  completion,
};

// The heading under which help lists an option.
enum class Section : u8 { guest, devices, monitor, information };
inline constexpr std::string_view section_names[] = {"Guest", "Devices", "Monitor", "Information"};

struct Option {
  Id id;
  char letter;                // 0: none
  std::string_view name;      // without the dashes
  std::string_view argument;  // empty: a flag; "a|b": a choice
  std::string_view help;      // sentences
  Section section;
};

inline constexpr Option help_option = {
    Id::help, 'h', "help", "", "Explain the command and exit.", Section::information};

inline constexpr Option run_options[] = {
    {Id::kernel, 'k', "kernel", "FILE",
     "Kernel or bare-metal program: ELF, flat binary, or an Image, bzImage, uImage or vmlinux of "
     "Linux, recognised by content. The same as KERNEL.",
     Section::guest},
    {Id::initrd, 'i', "initrd", "FILE", "Initial RAM disk.", Section::guest},
    {Id::params, 'p', "params", "STRING",
     "The guest's command line. May be repeated: the parts are joined by spaces.", Section::guest},
    {Id::cpus, 'c', "cpus", "N", "Number of virtual CPUs (1).", Section::guest},
    {Id::memory, 'm', "mem", "SIZE",
     "Guest RAM (256M): 256, 256M, 1G; a bare number is MiB, the suffixes are B, K, M, G, T, P.",
     Section::guest},
    {Id::dtb, 0, "dtb", "FILE", "Device tree to use instead of the generated one.", Section::guest},
    {Id::dump_dtb, 0, "dump-dtb", "FILE", "Write the guest's device tree to FILE.", Section::guest},
    {Id::reboot, 0, "reboot", "",
     "Start the guest again when it resets itself; without it a reset ends the run.",
     Section::guest},
    {Id::disk, 'd', "disk", "FILE[,ro][,direct][,pci-address=ADDRESS]",
     "Raw disk image or block device: ro makes it read-only, direct bypasses the host's page "
     "cache, pci-address is its place on the PCI bus, such as 00:05.0. May be repeated.",
     Section::devices},
    {Id::no_balloon, 0, "no-balloon", "", "Nothing: there is no balloon device.", Section::devices},
    {Id::no_rng, 0, "no-rng", "", "No entropy device, whatever the configuration file says.",
     Section::devices},
    {Id::rng, 0, "rng", "", "Give the guest an entropy device.", Section::devices},
    {Id::console, 0, "console", "serial|virtio", "Which device the console is (serial).",
     Section::devices},
    {Id::serial, 0, "serial", "KEY=VALUE,...",
     "A serial port: type=file|stdout|sink|syslog|unix|unix-stream, "
     "hardware=serial|virtio-console|debugcon, num=N, path=, input=, stdin, console, earlycon, "
     "name=, out-timestamp, pci-address=, max-queue-sizes=[N,N]. May be repeated; without it there "
     "is the console alone.",
     Section::devices},
    {Id::board, 0, "board", "NAME",
     "The machine's memory map (virt: QEMU's; on PowerPC its ppce500, by either name).",
     Section::devices},
    {Id::irqchip, 0, "irqchip", "gicv2|gicv3|plic|aia|mpic|user|auto",
     "Interrupt controller (auto: the best that the host offers).", Section::devices},
    {Id::reset_policy, 0, "reset-policy", "kvm|zero|random",
     "aarch64: what registers hold whose content is unknown after reset: what KVM puts there, 0, "
     "or "
     "something random (kvm).",
     Section::guest},
    {Id::transport, 0, "transport", "mmio|pci|pci-transitional",
     "How virtio devices are attached (mmio): in windows of their own or to a PCI bus, there also "
     "with the interface of old drivers.",
     Section::devices},
    {Id::virtio_transport, 0, "virtio-transport", "mmio|pci|pci-legacy",
     "The same in kvmtool's words.", Section::devices},
    {Id::nisv, 0, "nisv", "abort|stop",
     "aarch64: what a device access does that cannot be completed, such as an atomic one: the "
     "guest "
     "gets a data abort, or the run ends (abort).",
     Section::devices},
    {Id::name, 0, "name", "NAME",
     "Name for list, stat, stop, pause and resume (guest-<process id>).", Section::monitor},
    {Id::socket, 0, "socket", "/proc/self/fd/N",
     "Serve the control protocol also on a listening Unix socket that the caller hands over.",
     Section::monitor},
    {Id::config, 0, "config", "FILE.json",
     "Read the VM's configuration first; options change it, disks and params are added to it.",
     Section::monitor},
    {Id::print_config, 0, "print-config", "", "Print the configuration as JSON and exit.",
     Section::monitor},
    {Id::watchdog, 0, "watchdog", "SECONDS[,action=report|stop]",
     "Look at the guest when it has shown no sign of life for so long, and print the verdict of "
     "polyvisor diagnose if it hangs; action=stop ends the run then.",
     Section::monitor},
    {Id::log_level, 0, "log-level", "error|warn|info|debug", "What is reported (warn).",
     Section::monitor},
    {Id::exit_stats, 0, "exit-stats", "",
     "Print at the end how often the guest left to the monitor, by cause.", Section::monitor},
    {Id::trace, 0, "trace", "exits|steps[=FILE]",
     "Write each exit to the monitor, or each single-stepped instruction with its registers, to "
     "FILE "
     "(polyvisor.trace); polyvisor trace prints, counts and compares such files.",
     Section::monitor},
    {Id::trace_limit, 0, "trace-limit", "N",
     "End the trace after N records of each virtual CPU; the guest goes on.", Section::monitor},
    {Id::timeline, 0, "timeline", "FILE.html",
     "At the end write a page that draws the run: launch, first instruction, first output, the "
     "guest's marks, exits by cause.",
     Section::monitor},
    {Id::gdb, 0, "gdb", "ADDRESS",
     "Wait for gdb at tcp:PORT, tcp:HOST:PORT or unix:PATH, for its 'target remote :PORT' or "
     "'target remote PATH'. Without HOST for this machine only.",
     Section::monitor},
    {Id::gdb_wait, 0, "gdb-wait", "", "Start the guest when gdb has connected and continues.",
     Section::monitor},
    {Id::disable_sandbox, 0, "disable-sandbox", "",
     "Do not seal the process before the guest starts; for debugging only.", Section::monitor},
    {Id::version, 'V', "version", "", "Print the version and exit.", Section::information},
    help_option,
};

inline constexpr Option doctor_options[] = {
    {Id::kernel_config, 0, "kernel-config", "FILE",
     "Check a kernel's configuration instead of this host: a .config, config.gz, or a kernel image "
     "built with CONFIG_IKCONFIG.",
     Section::guest},
    {Id::guest, 0, "guest", "", "The kernel is to be a guest; without it, a host of guests.",
     Section::guest},
    {Id::arch, 0, "arch", "aarch64|riscv64|powerpc|x86_64",
     "The kernel's architecture, where the configuration does not tell itself.", Section::guest},
    {Id::json, 0, "json", "", "Print everything as JSON.", Section::information},
    help_option,
};

inline constexpr Option selftest_options[] = {
    {Id::json, 0, "json", "", "Print one JSON object at the end instead of text.",
     Section::information},
    help_option,
};

inline constexpr Option instance_options[] = {
    {Id::name, 'n', "name", "NAME", "The VM to act on, the same as NAME; list prints the names.",
     Section::monitor},
    {Id::all, 'a', "all", "", "Every running VM.", Section::monitor},
    help_option,
};

inline constexpr Option inspect_options[] = {
    {Id::arch, 0, "arch", "aarch64|riscv64|powerpc|x86_64",
     "The machine to hold the file against, where it does not tell itself.", Section::guest},
    {Id::memory, 'm', "mem", "SIZE", "The guest's RAM (256M), as of run.", Section::guest},
    {Id::initrd, 'i', "initrd", "FILE", "An initial RAM disk that has to fit too.", Section::guest},
    {Id::json, 0, "json", "", "Print a JSON array with an object for each file.",
     Section::information},
    help_option,
};

inline constexpr Option diagnose_options[] = {
    {Id::name, 'n', "name", "NAME", "The VM, the same as NAME; list prints the names.",
     Section::guest},
    {Id::from_dump, 0, "from-dump", "FILE",
     "Diagnose a register dump instead of a running VM (-: standard input): what QEMU's monitor "
     "prints for \"info registers\" and \"x/8wx\", lines of NAME=VALUE, or what --json printed.",
     Section::guest},
    {Id::differential, 0, "differential", "",
     "Also start a copy of the VM with zeroed registers (run --reset-policy zero), diagnose that "
     "one "
     "too, and compare.",
     Section::guest},
    {Id::symbols, 0, "symbols", "FILE",
     "Name addresses by the guest kernel's System.map, unstripped vmlinux or /proc/kallsyms.",
     Section::information},
    {Id::log, 0, "log", "", "Show the whole log of a Linux guest's kernel instead of its end.",
     Section::information},
    {Id::samples, 0, "samples", "N", "How often each CPU is looked at (30).", Section::information},
    {Id::json, 0, "json", "", "Print a JSON object, which --from-dump reads again.",
     Section::information},
    help_option,
};

inline constexpr Option trace_options[] = {
    {Id::vcpu, 0, "vcpu", "N", "Only this virtual CPU (print and count).", Section::information},
    {Id::context, 0, "context", "N", "Events shown around a difference (5).", Section::information},
    {Id::ignore, 0, "ignore", "pc,address,value,registers",
     "What of an event is not compared, one or several of these.", Section::information},
    {Id::interrupted, 0, "interrupted", "",
     "Compare also the exits that the host caused by a signal.", Section::information},
    {Id::all, 'a', "all", "", "Tell all differences, or all program counters.",
     Section::information},
    help_option,
};

inline constexpr Option plain_options[] = {help_option};

inline constexpr Option global_options[] = {
    help_option,
    {Id::log_level, 0, "log-level", "LEVEL[,PART=LEVEL]...",
     "As of run, for the command that follows. Settings of a part (disk=off) change nothing: "
     "messages are not divided here.",
     Section::monitor},
    {Id::extended_status, 0, "extended-status", "",
     "Exit with crosvm's statuses: 32 reset, 33 crash, 34 panic, 35 bad arguments, 1 other "
     "failures, 0 also when ended from outside.",
     Section::monitor},
    {Id::version, 'V', "version", "", "Print the version and exit.", Section::information},
    {Id::man, 0, "man", "", "Print the manual page (roff) and exit.", Section::information},
    {Id::completion, 0, "completion", "bash", "Print a completion script for the shell and exit.",
     Section::information},
};

// An option that users of kvmtool or crosvm know and that we do not have: refused by name.
struct Foreign {
  std::string_view name;  // without the dashes; a final '*' stands for anything
  char letter;            // 0: none
  std::string_view owner;
  std::string_view instead;  // what to do
};
// Those of our command of this name.
std::span<const Foreign> foreign_options(std::string_view command);

// No two options of a command share a name or a letter.
consteval bool distinct(std::span<const Option> options) {
  for (usize i = 0; i < options.size(); ++i)
    for (usize j = i + 1; j < options.size(); ++j)
      if (options[i].name == options[j].name ||
          (options[i].letter != 0 && options[i].letter == options[j].letter))
        return false;
  return true;
}
static_assert(distinct(run_options) && distinct(instance_options) && distinct(inspect_options) &&
              distinct(diagnose_options) && distinct(trace_options) && distinct(global_options));

}  // namespace pv::cli
