// `polyvisor trace`: traces of runs printed, counted and compared.
#include <algorithm>

#include "base/text.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/trace_text.h"
#include "config/size.h"

namespace pv::cli {
namespace {

using trace::Event;
using trace::Trace;

// As diff(1) has it.
constexpr int status_differ = 1;

struct Request {
  std::vector<std::string> words;  // what to do, then the files
  TraceOptions options;
  bool help = false;
};

Result<void> ignore(std::string_view list, trace::CompareOptions& options) {
  while (!list.empty()) {
    const usize comma = std::min(list.find(','), list.size());
    const std::string_view word = list.substr(0, comma);
    if (word == "pc")
      options.pc = false;
    else if (word == "address")
      options.address = false;
    else if (word == "value")
      options.value = false;
    else if (word == "registers")
      options.registers = false;
    else
      return fail(Error::Kind::usage, text("--ignore: \"{}\" is not known", word),
                  "choose of pc, address, value, registers");
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return {};
}

Result<Request> parse_request(Arguments arguments) {
  Request request;
  Parser parser("trace", trace_options, arguments);
  Item item;
  while (TRY(parser.next(item))) {
    if (item.option == nullptr) {
      request.words.emplace_back(item.value);
      continue;
    }
    TraceOptions& options = request.options;
    switch (item.option->id) {
      case Id::vcpu: options.vcpu = TRY(config::parse_number(item.value), "--vcpu"); break;
      case Id::context: options.context = TRY(config::parse_number(item.value), "--context"); break;
      case Id::ignore: TRY(ignore(item.value, options.compare)); break;
      case Id::interrupted: options.compare.interrupted = true; break;
      case Id::all: options.all = true; break;
      default: request.help = true; return request;
    }
  }
  constexpr u64 most_context = 10'000;
  if (request.options.context > most_context)
    return fail(Error::Kind::usage,
                text("--context: {} lines are too many", request.options.context),
                text("give at most {}", most_context));
  return request;
}

Result<void> check_vcpu(const Trace& trace, const std::string& path, const TraceOptions& options) {
  if (!options.vcpu || *options.vcpu < trace.vcpus.size()) return {};
  return fail(Error::Kind::usage,
              text("--vcpu: {} has {} vCPU{}", path, trace.vcpus.size(),
                   trace.vcpus.size() == 1 ? "" : "s"),
              "vCPUs are numbered from 0");
}

void say_gaps(const Trace& trace, const std::string& path, const Context& context) {
  if (const u64 lost = trace.lost(); lost != 0)
    print(context.streams.err,
          text("polyvisor: {}: {} records were lost while it was written\n", path, lost));
  if (trace.cut) print(context.streams.err, text("polyvisor: {}: its end is cut off\n", path));
}

Result<int> each_file(std::span<const std::string> files, const Request& request,
                      const Context& context,
                      std::string (*tell)(const Trace&, const TraceOptions&)) {
  if (files.empty())
    return fail(Error::Kind::usage, "no file is named", "write polyvisor trace WHAT FILE");
  std::string out;
  for (const std::string& path : files) {
    const Trace trace = TRY(trace::read(path));
    TRY(check_vcpu(trace, path, request.options));
    if (files.size() > 1) out += text("{}{}:\n", out.empty() ? "" : "\n", path);
    out += tell(trace, request.options);
    say_gaps(trace, path, context);
  }
  return print_and_succeed(context, out);
}

Result<int> compare_files(std::span<const std::string> files, const Request& request,
                          const Context& context) {
  if (files.size() != 2)
    return fail(Error::Kind::usage, text("diff compares two traces, {} are named", files.size()),
                "write polyvisor trace diff A B");
  const Trace a = TRY(trace::read(files[0]));
  const Trace b = TRY(trace::read(files[1]));
  if (a.arch != b.arch || a.kind != b.kind)
    return fail(Error::Kind::usage,
                text("{} and {} cannot be compared: {}", files[0], files[1],
                     a.arch != b.arch ? "they are of different architectures"
                                      : "one has exits, the other steps"),
                "trace both runs in the same way");
  say_gaps(a, files[0], context);
  say_gaps(b, files[1], context);
  bool differ = false;
  const std::string out = difference_text({a, files[0]}, {b, files[1]}, request.options, differ);
  if (const int status = print_and_succeed(context, out); status != 0) return status;
  return differ ? status_differ : to_int(ExitStatus::success);
}

Result<int> act(const Request& request, const Context& context) {
  constexpr const char* hint = "write polyvisor trace print FILE, count FILE, or diff A B";
  if (request.words.empty()) return fail(Error::Kind::usage, "what to do is not said", hint);
  const std::string& what = request.words[0];
  const auto files = std::span(request.words).subspan(1);
  if (what == "print") return each_file(files, request, context, trace_text);
  if (what == "count") return each_file(files, request, context, count_text);
  if (what == "diff") return compare_files(files, request, context);
  return fail(Error::Kind::usage, text("trace: \"{}\" is not known", what), hint);
}

}  // namespace

int trace_command(const Command& command, Arguments arguments, const Context& context) {
  const auto request = parse_request(arguments);
  if (!request) return report(context.streams, request.error());
  if (request->help) return print_and_succeed(context, help_text(command));
  const auto status = act(*request, context);
  return status ? *status : report(context.streams, status.error());
}

}  // namespace pv::cli
