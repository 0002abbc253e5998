#include "cli/run.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "base/arch.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/help.h"
#include "config/json.h"
#include "config/serial.h"
#include "config/size.h"
#include "config/validate.h"

namespace pv::cli {
namespace {

using config::VmConfig;

Parser parser_for(Arguments arguments) {
  return Parser("run", run_options, arguments, foreign_options("run"));
}

// The values of `--config`; an error in the other options is reported by the second pass.
Result<std::string_view> find_config(Arguments arguments) {
  std::string_view path;
  Parser parser = parser_for(arguments);
  Item item;
  for (auto more = parser.next(item); more && *more; more = parser.next(item)) {
    if (item.option == nullptr || item.option->id != Id::config) continue;
    if (!path.empty())
      return fail(Error::Kind::usage, "--config stands twice", "merge the two files");
    if (item.value.empty()) return fail(Error::Kind::usage, "--config: the file's name is empty");
    path = item.value;
  }
  return path;
}

// The name is part of the command line: a file that cannot be read makes that wrong, not the host.
Result<std::string> read_text(const std::string& path) {
  const auto as_usage = [](Error error) {
    error.kind = Error::Kind::usage;
    return std::unexpected(std::move(error));
  };
  Result<Fd> file = open_file(path, O_RDONLY);
  if (!file) return as_usage(std::move(file).error().within("--config"));
  std::string content;
  usize got = 0;
  do {  // not by the file's size: it may be a pipe
    u8 block[4096];
    Result<usize> read = read_fully(file->get(), block);
    if (!read) return as_usage(std::move(read).error().within(path));
    got = *read;
    content.append(reinterpret_cast<const char*>(block), got);
  } while (got == 4096 && content.size() <= config::max_json);
  return content;
}

Result<VmConfig> read_config(const std::string& path) {
  const std::string content = TRY(read_text(path));
  return TRY(config::from_json(content), path);
}

template <class E, usize n>
Result<void> choose(const Item& item, const config::Spelling<E> (&names)[n], E& into) {
  const auto found = config::parse_spelling(names, item.value);
  if (!found)
    return fail(Error::Kind::usage,
                text("--{}: \"{}\" is not known", item.option->name, item.value),
                text("choose one of {}", config::choices(names)));
  into = *found;
  return {};
}

Result<void> set_kvmtool_transport(const Item& item, config::Transport& into) {
  if (item.value == "mmio-legacy")
    return fail(Error::Kind::usage,
                "--virtio-transport: mmio-legacy, the interface of before virtio 1.0, is served "
                "over PCI only",
                "write --transport pci-transitional, or mmio for drivers of virtio 1.0 and later");
  return choose(item, config::kvmtool_transport_names, into);
}

// Ours, and the others' words for the same.
Result<void> set_irqchip(Item item, config::IrqChip& into) {
  const auto instead = [&](std::string_view owner, std::string_view hint) {
    return fail(Error::Kind::usage,
                text("--irqchip {} is {} word, which polyvisor does not have", item.value, owner),
                std::string(hint));
  };
  if (item.value == "kernel")
    return instead("crosvm's", "write --irqchip auto: the kernel's, where it has one");
  if (item.value == "userspace")
    return instead("crosvm's", "write --irqchip user (aarch64) or plic (riscv64)");
  if (item.value == "split")
    return instead("crosvm's", "leave it out: all of it is in the kernel on x86_64");
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

// SECONDS[,action=report|stop]
Result<void> set_watchdog(const Item& item, VmConfig& config) {
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

// "exits", "steps=FILE".
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

// "info", or crosvm's "info,disk=off": one level, and parts of which there are none here.
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

struct Filler {
  RunRequest& request;
  bool kernel_given = false;

  Result<void> apply(const Item& item) {
    VmConfig& config = request.config;
    if (item.option == nullptr) return set_kernel(item.value, kernel_given, config.kernel);
    switch (item.option->id) {
      case Id::kernel: return set_kernel(item.value, kernel_given, config.kernel);
      case Id::initrd: config.initrd = item.value; break;
      case Id::params: add_params(item.value, config.params); break;
      case Id::cpus: return set_cpus(item.value, config.cpus);
      case Id::memory: config.memory = TRY(config::parse_size(item.value), "--mem"); break;
      case Id::disk: return add_disk(item.value, config.disks);
      case Id::rng: config.rng = true; break;
      case Id::no_rng: config.rng = false; break;
      case Id::no_balloon: break;  // there is none
      case Id::socket: config.socket = item.value; break;
      case Id::name:
        if (item.value.empty())
          return fail(Error::Kind::usage, "--name: the name is empty",
                      "leave the option out, and the VM is called guest-<its process id>");
        config.name = item.value;
        break;
      case Id::dtb: config.dtb = item.value; break;
      case Id::dump_dtb: config.dump_dtb = item.value; break;
      case Id::console: return set_console(item, config.console);
      case Id::serial:
        config.serials.push_back(TRY(config::parse_serial(item.value), "--serial"));
        break;
      case Id::board:
        if (item.value.empty())
          return fail(Error::Kind::usage, "--board: the name is empty",
                      "leave the option out for the default");
        config.board = item.value;
        break;
      case Id::irqchip: return set_irqchip(item, config.irqchip);
      case Id::nisv: return choose(item, config::nisv_names, config.nisv);
      case Id::reset_policy: return choose(item, config::reset_policy_names, config.reset_policy);
      case Id::watchdog: return set_watchdog(item, config);
      case Id::transport: return choose(item, config::transport_names, config.transport);
      case Id::virtio_transport: return set_kvmtool_transport(item, config.transport);
      case Id::log_level: return set_log_level(item.value, request);
      case Id::disable_sandbox: config.sandbox = false; break;
      case Id::exit_stats: config.exit_stats = true; break;
      case Id::reboot: config.reboot = true; break;
      case Id::trace: return set_trace(item.value, config.trace);
      case Id::trace_limit:
        config.trace.limit = TRY(config::parse_number(item.value), "--trace-limit");
        break;
      case Id::timeline:
        if (item.value.empty())
          return fail(Error::Kind::usage, "--timeline: the file's name is empty");
        config.timeline = item.value;
        break;
      case Id::gdb:
        if (item.value.empty())
          return fail(Error::Kind::usage, "--gdb: the address is empty",
                      "write tcp:PORT, tcp:HOST:PORT or unix:PATH");
        config.gdb = item.value;
        break;
      case Id::gdb_wait: config.gdb_wait = true; break;
      case Id::print_config: request.action = RunRequest::Action::print_config; break;
      case Id::help: request.action = RunRequest::Action::help; break;
      case Id::version: request.action = RunRequest::Action::version; break;
      default: break;  // --config has been read; the others belong to other commands
    }
    return {};
  }
};

}  // namespace

Result<RunRequest> parse_run(Arguments arguments, std::string_view log_level) {
  RunRequest request;
  const std::string_view path = TRY(find_config(arguments));
  if (!path.empty()) request.config = TRY(read_config(std::string(path)));
  if (!log_level.empty()) TRY(set_log_level(log_level, request));
  Filler filler{request};
  Parser parser = parser_for(arguments);
  Item item;
  while (TRY(parser.next(item))) {
    TRY(filler.apply(item));
    if (request.action == RunRequest::Action::help || request.action == RunRequest::Action::version)
      break;
  }
  return request;
}

int run_command(const Command& command, Arguments arguments, const Context& context) {
  auto request = parse_run(arguments, context.log_level);
  if (!request) return report(context.streams, request.error());
  if (request->action == RunRequest::Action::help) {
    return print_and_succeed(context, help_text(command));
  }
  if (request->action == RunRequest::Action::version) return version_command(command, {}, context);
  if (request->config.board.empty())
    request->config.board = default_board(context.personality, host_arch);
  if (const auto valid = config::validate(request->config); !valid)
    return report(context.streams, valid.error());
  if (request->action == RunRequest::Action::print_config)
    return print_and_succeed(context, config::to_json(request->config));
  if (request->config.log_level >= LogLevel::info)
    for (const std::string& note : request->notes)
      print(context.streams.err, text("polyvisor: {}\n", note));
  const auto outcome = context.launcher.launch(request->config);
  return outcome ? outcome->exit_status : report(context.streams, outcome.error());
}

}  // namespace pv::cli
