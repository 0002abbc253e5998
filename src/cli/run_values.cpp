#include "cli/run_values.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "config/size.h"

namespace pv::cli {
Result<void> set_kvmtool_transport(const Item& item, config::Transport& into) {
  if (item.value == "mmio-legacy")
    return fail(Error::Kind::usage,
                "--virtio-transport: mmio-legacy, the interface of before virtio 1.0, is served "
                "over PCI only",
                "write --transport pci-transitional, or mmio for drivers of virtio 1.0 and later");
  return choose(item, config::kvmtool_transport_names, into);
}

Result<void> set_irqchip(Item item, config::IrqChip& into) {
  constexpr std::pair<std::string_view, const char*> words_of_crosvm[] = {
      {"kernel", "write --irqchip auto: the kernel's, where it has one"},
      {"userspace", "write --irqchip user (aarch64) or plic (riscv64)"},
      {"split", "leave it out: all of it is in the kernel on x86_64"}};
  for (const auto& [word, hint] : words_of_crosvm)
    if (item.value == word)
      return fail(Error::Kind::usage,
                  text("--irqchip {} is crosvm's word, which polyvisor does not have", word), hint);
  // kvmtool's: the frame or ITS for messages is there where PCI is.
  if (item.value == "gicv2m") item.value = "gicv2";
  if (item.value == "gicv3-its") item.value = "gicv3";
  return choose(item, config::irqchip_names, into);
}

Result<void> set_console(const Item& item, config::Console& into) {
  if (item.value == "hv")
    return fail(Error::Kind::usage,
                "--console hv is kvmtool's console of POWER servers, which polyvisor does not have",
                "write --console serial, or --console virtio for hvc0");
  return choose(item, config::console_names, into);
}

Result<void> add_disk(std::string_view value, std::vector<config::Disk>& disks) {
  constexpr std::string_view place = "pci-address=";
  usize comma = value.find(',');
  config::Disk disk{.path = std::string(value.substr(0, comma))};
  if (disk.path.empty())
    return fail(Error::Kind::usage, text("--disk: \"{}\" names no file", value),
                "write --disk FILE[,ro][,direct]");
  while (comma != std::string_view::npos) {
    value.remove_prefix(comma + 1);
    comma = value.find(',');
    const std::string_view word = value.substr(0, comma);
    if (word == "ro")
      disk.read_only = true;
    else if (word == "direct")
      disk.direct = true;
    else if (word.starts_with(place) && word.size() > place.size())
      disk.pci_address = word.substr(place.size());
    else
      return fail(Error::Kind::usage, text("--disk: \"{}\" is not a setting of a disk", word),
                  "write --disk FILE[,ro][,direct][,pci-address=ADDRESS]; a path with a comma can "
                  "stand in a --config file");
  }
  disks.push_back(std::move(disk));
  return {};
}

Result<void> set_cpus(std::string_view value, u32& cpus) {
  const u64 number = TRY(config::parse_number(value), "--cpus");
  // What does not fit is too large in any case; validate() says so with the limit.
  cpus = number > UINT32_MAX ? UINT32_MAX : static_cast<u32>(number);
  return {};
}

Result<void> set_watchdog(const Item& item, config::VmConfig& config) {
  constexpr std::string_view key = ",action=";
  const usize comma = item.value.find(',');
  const std::string_view rest = comma == item.value.npos ? "" : item.value.substr(comma);
  const u64 seconds = TRY(config::parse_number(item.value.substr(0, comma)), "--watchdog");
  if (seconds == 0 || seconds > config::longest_watchdog)
    return fail(Error::Kind::usage, text("--watchdog: {} seconds are not possible", seconds),
                text("give between 1 and {}", config::longest_watchdog));
  config.watchdog = static_cast<u32>(seconds);
  if (rest.empty()) return {};
  if (!rest.starts_with(key))
    return fail(Error::Kind::usage, text("--watchdog: \"{}\" is not known", rest.substr(1)),
                "write --watchdog SECONDS[,action=report|stop]");
  Item action = item;
  action.value = rest.substr(key.size());
  return choose(action, config::watchdog_action_names, config.watchdog_action);
}

void add_params(std::string_view value, std::string& params) {
  if (!params.empty() && !value.empty()) params += ' ';
  params += value;
}

Result<void> set_kernel(std::string_view path, bool& given, std::string& kernel) {
  if (given)
    return fail(Error::Kind::usage,
                text("a second kernel is named: \"{}\" after \"{}\"", path, kernel),
                "the kernel's command line goes into --params");
  given = true;
  kernel = path;
  return {};
}

Result<void> set_trace(std::string_view value, config::Trace& into) {
  const usize equals = std::min(value.find('='), value.size());
  const auto what = config::parse_spelling(config::trace_names, value.substr(0, equals));
  if (!what)
    return fail(Error::Kind::usage, text("--trace: \"{}\" is not known", value.substr(0, equals)),
                "write --trace exits, or --trace steps, with =FILE behind it");
  into.what = *what;
  into.file = equals == value.size() ? "polyvisor.trace" : value.substr(equals + 1);
  if (into.file.empty()) return fail(Error::Kind::usage, "--trace: the file's name is empty");
  return {};
}

Result<void> set_log_level(std::string_view value, RunRequest& request) {
  const auto refused = [](std::string_view word) {
    return fail(Error::Kind::usage, text("--log-level: \"{}\" is not known", word),
                text("choose one of {}, or crosvm's off and trace",
                     config::choices(config::log_level_names)));
  };
  const auto level_of = [](std::string_view word) {
    if (word == "off") return std::optional(LogLevel::error);
    if (word == "trace") return std::optional(LogLevel::debug);
    return config::parse_spelling(config::log_level_names, word);
  };
  if (value.empty()) return refused(value);
  while (!value.empty()) {
    const usize comma = std::min(value.find(','), value.size());
    const std::string_view part = value.substr(0, comma);
    value.remove_prefix(std::min(comma + 1, value.size()));
    const usize equals = part.find('=');
    const auto level = level_of(equals == part.npos ? part : part.substr(equals + 1));
    if (!level) return refused(part);
    if (equals == part.npos)
      request.config.log_level = *level;
    else
      request.notes.push_back(
          text("--log-level {}: messages are not divided by part here; it changes nothing", part));
  }
  return {};
}

}  // namespace pv::cli
