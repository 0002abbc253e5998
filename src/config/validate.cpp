#include "config/validate.h"

#include <algorithm>

#include "base/arch.h"
#include "base/text.h"
#include "config/gdb_address.h"
#include "config/pci_address.h"

namespace pv::config {
namespace {

std::unexpected<Error> bad(std::string message, std::string hint = {}) {
  return fail(Error::Kind::usage, std::move(message), std::move(hint));
}

Result<void> check_text(std::string_view field, const std::string& value) {
  if (value.find('\0') == std::string::npos) return {};
  return bad(text("{}: contains a zero byte, which ends a text", field));
}

Result<void> check_memory(u64 bytes) {
  const std::string hint = text("give between {} and {}, for example 256M", size_text(min_memory),
                                size_text(max_memory));
  if (bytes < min_memory)
    return bad(text("memory: {} {} less than the {} that any guest needs",
                    bytes == 1 ? "1 byte" : size_text(bytes), bytes == 1 ? "is" : "are",
                    size_text(min_memory)),
               hint);
  if (bytes > max_memory)
    return bad(text("memory: {} are more than the {} that this monitor can address",
                    size_text(bytes), size_text(max_memory)),
               hint);
  if (!is_aligned(bytes, memory_granule))
    return bad(
        text("memory: {} are not a multiple of {}", size_text(bytes), size_text(memory_granule)),
        hint);
  return {};
}

Result<void> check_cpus(const VmConfig& config) {
  if (config.cpus == 0) return bad("cpus: 0 virtual CPUs can run nothing", "give 1 or more");
  if (config.cpus > max_cpus)
    return bad(
        text("cpus: {} are more than the {} that this monitor supports", config.cpus, max_cpus),
        text("give {} at most, or fewer where the board has fewer", max_cpus));
  bool gicv2 = config.irqchip == IrqChip::gicv2 ||
               (config.irqchip == IrqChip::user && host_arch == Arch::aarch64);
  if (gicv2 && config.cpus > max_cpus_gicv2)
    return bad(
        text("cpus: {} are more than the {} that a GICv2 can serve", config.cpus, max_cpus_gicv2),
        "use irqchip gicv3, or fewer cpus");
  return {};
}

// Settings that mean something to one architecture only.
Result<void> check_architecture(const VmConfig& config) {
  if (host_arch == Arch::aarch64) return {};
  const std::string hint = text("leave it out on {}", pv::name(host_arch));
  if (config.nisv != Nisv::abort)
    return bad("nisv: only KVM on aarch64 hands over accesses without a syndrome", hint);
  // 0 is what there is anyway.
  if (config.reset_policy == ResetPolicy::random)
    return bad("reset_policy: only KVM on aarch64 leaves registers unknown after a reset", hint);
  return {};
}

Result<void> check_trace(const VmConfig& config) {
  TRY(check_text("trace.file", config.trace.file));
  TRY(check_text("timeline", config.timeline));
  if (config.trace.limit != 0 && config.trace.what == TraceKind::none)
    return bad("trace.limit: nothing is traced", "add --trace exits or --trace steps");
  if (!config.timeline.empty() && config.timeline == config.trace.file)
    return bad(text("timeline: \"{}\" is the trace's file, too", config.timeline),
               "give the page a file of its own");
  return {};
}

Result<void> check_socket(const std::string& path) {
  if (path.empty() || path.starts_with("/proc/self/fd/") || path.starts_with("/dev/fd/")) return {};
  return bad(
      text("socket: \"{}\" is not a descriptor", path),
      "hand over a listening Unix socket as /proc/self/fd/N; for a control socket of its own a "
      "VM needs only a --name");
}

Result<void> check_disks(const std::vector<Disk>& disks) {
  if (disks.size() > max_disks)
    return bad(
        text("disks: {} are more than the {} that this monitor supports", disks.size(), max_disks));
  for (usize i = 0; i < disks.size(); ++i) {
    if (disks[i].path.empty()) return bad(text("disks[{}].path: is empty", i));
    TRY(check_text(text("disks[{}].path", i), disks[i].path));
  }
  return {};
}

}  // namespace

Result<void> validate_name(std::string_view name) {
  const auto is_alnum = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const auto is_allowed = [&](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; };
  const bool good = !name.empty() && name.size() <= max_name && is_alnum(name[0]) &&
                    std::all_of(name.begin(), name.end(), is_allowed);
  if (good) return {};
  return bad(text("name: \"{}\" cannot name a VM", name.substr(0, max_name)),
             text("use 1 to {} letters, digits, '.', '_' and '-', beginning with a letter or digit",
                  max_name));
}

Result<void> validate(const VmConfig& config) {
  if (!config.name.empty()) TRY(validate_name(config.name));
  if (config.watchdog > longest_watchdog)
    return bad(text("watchdog: {} seconds are too many", config.watchdog),
               text("give at most {}", longest_watchdog));
  if (config.kernel.empty())
    return bad("kernel: no kernel is given", "name one: polyvisor run KERNEL, or -k FILE");
  TRY(check_text("kernel", config.kernel));
  TRY(check_text("initrd", config.initrd));
  TRY(check_text("params", config.params));
  TRY(check_text("dtb", config.dtb));
  TRY(check_text("dump_dtb", config.dump_dtb));
  TRY(check_text("board", config.board));
  TRY(check_socket(config.socket));
  TRY(check_architecture(config));
  if (config.params.size() > max_params)
    return bad(text("params: the guest's command line is {} bytes long, more than the {} that a "
                    "Linux kernel keeps",
                    config.params.size(), max_params),
               "shorten it, or put settings into the initrd");
  if (!config.gdb.empty()) TRY(parse_gdb_address(config.gdb));
  if (config.gdb_wait && config.gdb.empty())
    return bad("gdb_wait: there is nothing to wait for without gdb",
               "say where: --gdb tcp:PORT or --gdb unix:PATH");
  TRY(check_cpus(config));
  TRY(check_memory(config.memory));
  TRY(check_trace(config));
  TRY(validate_serials(config.serials));
  if (!config.serials.empty() && config.console == Console::virtio)
    return bad("console: virtio says what serials say already",
               "mark one of them instead: --serial hardware=virtio-console,type=stdout,console");
  TRY(check_disks(config.disks));
  return validate_pci_addresses(config);
}

}  // namespace pv::config
