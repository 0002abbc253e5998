// `polyvisor diagnose`: why a guest hangs. A client of the VM's control socket, or a reader of a
// dump; everything is worked out in this process.
#include <fcntl.h>
#include <time.h>

#include <charconv>

#include "base/fd.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/instance.h"
#include "cli/live_subject.h"
#include "config/validate.h"
#include "inspect/diagnosis/diagnose.h"
#include "inspect/dump.h"

namespace pv::cli {
namespace {

// 0 is "nothing seems to be wrong"; what it means otherwise is in the manual.
constexpr int unhealthy_status = 1;

struct Request {
  std::string name, dump, symbols;
  unsigned samples = 30;
  bool json = false, help = false;
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
      case Id::json: request.json = true; break;
      default: request.help = true; return request;
    }
  }
  if (request.name.empty() == request.dump.empty())
    return fail(Error::Kind::usage,
                request.dump.empty() ? "diagnose needs to know which VM"
                                     : "a VM and --from-dump contradict each other",
                "write polyvisor diagnose NAME (polyvisor list shows them), or --from-dump FILE");
  return request;
}

// A file as a whole, "-" for standard input.
Result<std::vector<u8>> read_whole(const std::string& path, u64 most) {
  Fd file;
  if (path != "-") {
    auto opened = open_file(path, O_RDONLY | O_NOCTTY);
    if (!opened) {
      Error error = std::move(opened).error();
      error.kind = Error::Kind::image;
      return std::unexpected(std::move(error));
    }
    file = *std::move(opened);
  }
  std::vector<u8> bytes;
  constexpr usize step = 256 << 10;
  for (;;) {
    const usize old = bytes.size();
    bytes.resize(old + step);
    const usize got =
        TRY(read_fully(path == "-" ? 0 : file.get(), std::span(bytes).subspan(old)), path);
    bytes.resize(old + got);
    if (got < step) return bytes;
    if (bytes.size() > most)
      return fail(Error::Kind::image, text("{} is larger than {}", path, size_text(most)));
  }
}

i64 now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return i64{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

Result<inspect::Report> examine(inspect::Subject& subject, const Request& request) {
  std::optional<inspect::Symbols> symbols;
  if (!request.symbols.empty()) {
    const auto file = TRY(read_whole(request.symbols, u64{1} << 30));
    symbols = TRY(inspect::Symbols::parse(file), request.symbols);
  }
  const auto wait = [] {
    constexpr timespec pause{.tv_sec = 0, .tv_nsec = 20'000'000};
    ::nanosleep(&pause, nullptr);
  };
  // A guest with much memory, or a slow host: the verdict is worth more than the log.
  const i64 patience = now_ms() + 20'000;
  inspect::Options options{.samples = request.samples,
                           .wait = wait,
                           .symbols = symbols ? &*symbols : nullptr,
                           .search = [patience] { return now_ms() < patience; }};
  if (!subject.facts().live) options.search = nullptr;
  return inspect::diagnose(subject, options);
}

Result<inspect::Report> examine_dump(const Request& request) {
  const auto bytes = TRY(read_whole(request.dump, inspect::max_dump));
  auto dump = TRY(inspect::parse_dump({reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
                  request.dump);
  inspect::DumpSubject subject(std::move(dump), text("the dump {}", request.dump));
  return examine(subject, request);
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
    auto subject = LiveSubject::open(vm);
    if (!subject) {
      report(context.streams, subject.error());
      return to_int(ExitStatus::no_such_vm);
    }
    return show(context, *request, examine(**subject, *request));
  }
  return no_such_vm(context, request->name, running);
}

}  // namespace pv::cli
