// `polyvisor diagnose`: why a guest hangs. A client of the VM's control socket, or a reader of a
// dump; everything is worked out in this process.
#include <charconv>

#include "base/text.h"
#include "cli/command.h"
#include "cli/differential.h"
#include "cli/help.h"
#include "cli/instance.h"
#include "config/validate.h"
#include "inspect/dump.h"

namespace pv::cli {
namespace {

// 0 is "nothing seems to be wrong"; what it means otherwise is in the manual.
constexpr int unhealthy_status = 1;

struct Request {
  std::string name, dump, symbols;
  unsigned samples = 30;
  bool json = false, differential = false, help = false, log = false;
  Examination how() const {
    return {.samples = samples, .symbols = symbols, .log = true, .whole_log = log};
  }
};

Result<unsigned> parse_samples(std::string_view word) {
  unsigned count = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), count);
  if (error != std::errc() || end != word.data() + word.size() || count < 1 || count > 1000)
    return fail(Error::Kind::usage, text("--samples: \"{}\" is not a number from 1 to 1000", word));
  return count;
}

Result<void> take_name(std::string_view value, Request& request) {
  TRY(config::validate_name(value));
  if (!request.name.empty())
    return fail(Error::Kind::usage, "two VMs are named", "diagnose one at a time");
  request.name = value;
  return {};
}

Result<Request> parse_request(const Command& command, Arguments arguments) {
  Request request;
  Parser parser(command.name, command.options, arguments);
  Item item;
  while (TRY(parser.next(item))) {
    switch (item.option == nullptr ? Id::name : item.option->id) {
      case Id::name: TRY(take_name(item.value, request)); break;
      case Id::from_dump: request.dump = item.value; break;
      case Id::symbols: request.symbols = item.value; break;
      case Id::samples: request.samples = TRY(parse_samples(item.value)); break;
      case Id::log: request.log = true; break;
      case Id::json: request.json = true; break;
      case Id::differential: request.differential = true; break;
      default: request.help = true; return request;
    }
  }
  if (request.differential && (request.json || !request.dump.empty()))
    return fail(Error::Kind::usage, "--differential goes with a running VM, and without --json");
  if (request.name.empty() == request.dump.empty())
    return fail(Error::Kind::usage,
                request.dump.empty() ? "diagnose needs to know which VM"
                                     : "a VM and --from-dump contradict each other",
                "write polyvisor diagnose NAME (polyvisor list shows them), or --from-dump FILE");
  return request;
}

Result<inspect::Report> examine_dump(const Request& request) {
  const auto bytes = TRY(read_whole(request.dump, inspect::max_dump));
  auto dump = TRY(inspect::parse_dump({reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
                  request.dump);
  inspect::DumpSubject subject(std::move(dump), text("the dump {}", request.dump));
  return examine(subject, request.how());
}

int show(const Context& context, const Request& request, const Result<inspect::Report>& found) {
  if (!found) return report(context.streams, found.error());
  const std::string words =
      request.json ? inspect::render_json(*found) : inspect::render_text(*found);
  if (const int status = print_and_succeed(context, words); status != 0) return status;
  return is_healthy(found->verdict.cause) ? 0 : unhealthy_status;
}

}  // namespace

int diagnose_command(const Command& command, Arguments arguments, const Context& context) {
  const auto request = parse_request(command, arguments);
  if (!request) return report(context.streams, request.error());
  if (request->help) return print_and_succeed(context, help_text(command));
  if (!request->dump.empty()) return show(context, *request, examine_dump(*request));
  const auto directories = control::Directory::existing();
  const auto running = control::running_vms(directories);
  for (const auto& vm : running) {
    if (vm.name != request->name) continue;
    auto found = examine_running(vm, request->how());
    if (!found) {
      report(context.streams, found.error());
      return to_int(ExitStatus::no_such_vm);
    }
    const int status = show(context, *request, found);
    if (!request->differential) return status;
    const auto compared = compare_with_copy(vm, *found, request->how());
    if (!compared) return report(context.streams, compared.error());
    print_and_succeed(context, *compared);
    return status;
  }
  return no_such_vm(context, request->name, running);
}

}  // namespace pv::cli
