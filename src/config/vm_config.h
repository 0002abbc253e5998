// VmConfig: everything that describes one virtual machine, as plain data. Every front end (our own
// options, a JSON file, later others) fills one of these, and only a VmConfig builds a VM.
//
// The JSON form (config/json.h) has the fields of the same names; docs/manual/config.md describes
// them. A default-constructed VmConfig is complete except for the kernel.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/types.h"
#include "config/serial.h"

namespace pv::config {

struct Disk {
  std::string path;
  bool read_only = false;
  bool direct = false;           // bypass the host's page cache (O_DIRECT)
  std::string pci_address = {};  // pci_address.h; empty: any

  bool operator==(const Disk&) const = default;
};

// Which device the guest's console is.
enum class Console : u8 { serial, virtio };
// The interrupt controller; `automatic` asks the host for the best it has.
enum class IrqChip : u8 { automatic, gicv2, gicv3, plic, aia, mpic, user };
// How virtio devices are attached; transitional ones have the legacy interface too.
enum class Transport : u8 { mmio, pci, pci_transitional };
// What a device access does that neither the processor nor we can describe (aarch64): the guest
// gets a data abort, or the run ends.
enum class Nisv : u8 { abort, stop };

// What is written down of a run.
enum class TraceKind : u8 { none, exits, steps };
struct Trace {
  TraceKind what = TraceKind::none;
  std::string file;  // path; empty where nothing is
  u64 limit = 0;     // records of each vCPU; 0: no limit

  bool operator==(const Trace&) const = default;
};
// Registers whose content is unknown after reset: as KVM leaves them (on aarch64 it fills them with
// a value that stands out), zeroed, or random.
enum class ResetPolicy : u8 { kvm, zero, random };
// What the watchdog does with a guest that hangs.
enum class WatchdogAction : u8 { report, stop };
inline constexpr u32 longest_watchdog = 86'400;  // seconds

struct VmConfig {
  std::string name;    // of the running VM; empty: guest-<pid>
  std::string kernel;  // path; the format is recognised by content
  std::string initrd;  // path; empty: none
  std::string params;  // the guest's command line
  u32 cpus = 1;
  u64 memory = 256_MiB;  // bytes
  std::vector<Disk> disks;
  bool rng = false;      // a virtio entropy device
  std::string dtb;       // path of a device tree to use instead of ours; empty: ours
  std::string dump_dtb;  // path to which the guest's device tree is written; empty: nowhere
  Console console = Console::serial;
  std::vector<Serial> serials;  // empty: the console alone, on standard input and output
  std::string board;            // by name; empty: "virt"
  IrqChip irqchip = IrqChip::automatic;
  Transport transport = Transport::mmio;
  Nisv nisv = Nisv::abort;
  ResetPolicy reset_policy = ResetPolicy::kvm;
  u32 watchdog = 0;  // seconds without a sign of life before the guest is looked at; 0: never
  WatchdogAction watchdog_action = WatchdogAction::report;
  LogLevel log_level = LogLevel::warn;
  bool sandbox = true;
  bool exit_stats = false;  // print the exits by cause at the end
  std::string socket;       // a listening socket handed over as /proc/self/fd/N; empty: none
  bool reboot = false;      // a guest's reset restarts it instead of ending the run
  std::string gdb;          // where to wait for gdb (gdb_address.h); empty: nowhere
  bool gdb_wait = false;    // the guest starts when gdb says so

  Trace trace;
  std::string timeline;  // path of the page that draws the run; empty: none

  bool operator==(const VmConfig&) const = default;
};

// The spelling of each enumeration's values, on the command line and in JSON alike.
template <class E>
struct Spelling {
  std::string_view name;
  E value;
};
inline constexpr Spelling<Console> console_names[] = {{"serial", Console::serial},
                                                      {"virtio", Console::virtio}};
inline constexpr Spelling<SerialType> serial_type_names[] = {
    {"file", SerialType::file},     {"stdout", SerialType::standard_output},
    {"sink", SerialType::sink},     {"syslog", SerialType::syslog},
    {"unix", SerialType::datagram}, {"unix-stream", SerialType::stream}};
inline constexpr Spelling<SerialHardware> serial_hardware_names[] = {
    {"serial", SerialHardware::uart},
    {"virtio-console", SerialHardware::virtio_console},
    {"debugcon", SerialHardware::debugcon}};
inline constexpr Spelling<IrqChip> irqchip_names[] = {
    {"auto", IrqChip::automatic}, {"gicv2", IrqChip::gicv2}, {"gicv3", IrqChip::gicv3},
    {"plic", IrqChip::plic},      {"aia", IrqChip::aia},     {"mpic", IrqChip::mpic},
    {"user", IrqChip::user}};
inline constexpr Spelling<Transport> transport_names[] = {
    {"mmio", Transport::mmio},
    {"pci", Transport::pci},
    {"pci-transitional", Transport::pci_transitional}};
// kvmtool's words for the same.
inline constexpr Spelling<Transport> kvmtool_transport_names[] = {
    {"mmio", Transport::mmio},
    {"pci", Transport::pci},
    {"pci-legacy", Transport::pci_transitional}};
inline constexpr Spelling<Nisv> nisv_names[] = {{"abort", Nisv::abort}, {"stop", Nisv::stop}};
inline constexpr Spelling<TraceKind> trace_names[] = {{"exits", TraceKind::exits},
                                                      {"steps", TraceKind::steps}};
inline constexpr Spelling<ResetPolicy> reset_policy_names[] = {
    {"kvm", ResetPolicy::kvm}, {"zero", ResetPolicy::zero}, {"random", ResetPolicy::random}};
inline constexpr Spelling<WatchdogAction> watchdog_action_names[] = {
    {"report", WatchdogAction::report}, {"stop", WatchdogAction::stop}};
inline constexpr Spelling<LogLevel> log_level_names[] = {{"error", LogLevel::error},
                                                         {"warn", LogLevel::warn},
                                                         {"info", LogLevel::info},
                                                         {"debug", LogLevel::debug}};

template <class E, usize n>
constexpr std::optional<E> parse_spelling(const Spelling<E> (&names)[n], std::string_view text) {
  for (const auto& entry : names)
    if (entry.name == text) return entry.value;
  return std::nullopt;
}

template <class E, usize n>
constexpr std::string_view spelling(const Spelling<E> (&names)[n], E value) {
  for (const auto& entry : names)
    if (entry.value == value) return entry.name;
  return "?";
}

// "serial, virtio": for messages that say what is expected.
template <class E, usize n>
std::string choices(const Spelling<E> (&names)[n]) {
  std::string all;
  for (const auto& entry : names) {
    if (!all.empty()) all += ", ";
    all += entry.name;
  }
  return all;
}

}  // namespace pv::config
