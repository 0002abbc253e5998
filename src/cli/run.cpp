#include "cli/run.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "base/arch.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/run_values.h"
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
