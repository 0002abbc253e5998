// `polyvisor inspect`: what a kernel file is and how it would fare here. No KVM is asked, and any
// architecture's files can be looked at on any host.
#include <fcntl.h>

#include <algorithm>

#include "base/fd.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/inspect_report.h"
#include "config/size.h"
#include "config/validate.h"
#include "machine/machine.h"

namespace pv::cli {
namespace {

struct Request {
  std::vector<std::string> files;
  std::optional<Arch> arch;
  u64 memory = config::VmConfig().memory;
  std::string initrd;
  bool json = false;
  bool help = false;
};

Result<Request> parse_request(Arguments arguments) {
  Request request;
  Parser parser("inspect", inspect_options, arguments);
  Item item;
  while (TRY(parser.next(item))) {
    if (item.option == nullptr) {
      request.files.emplace_back(item.value);
      continue;
    }
    switch (item.option->id) {
      case Id::arch: request.arch = TRY(parse_arch(item.value)); break;
      case Id::memory: request.memory = TRY(config::parse_size(item.value), "--mem"); break;
      case Id::initrd: request.initrd = item.value; break;
      case Id::json: request.json = true; break;
      default: request.help = true; return request;
    }
  }
  if (request.files.empty())
    return fail(Error::Kind::usage, "no file is named", "write polyvisor inspect IMAGE...");
  if (request.memory < config::min_memory || request.memory > config::max_memory)
    return fail(Error::Kind::usage, text("--mem: {} is not possible", size_text(request.memory)),
                text("give between {} and {}", size_text(config::min_memory),
                     size_text(config::max_memory)));
  return request;
}

Result<Fd> open_image(const std::string& path) {
  auto file = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (file) return file;
  Error error = std::move(file).error();
  error.kind = Error::Kind::image;
  return std::unexpected(std::move(error));
}

Result<u64> size_of(const std::string& path) {
  if (path.empty()) return u64{0};
  Fd file = TRY(open_image(path));
  return TRY(file_size(file.get()), path);
}

// A machine's memory as the loader sees it. Only its description: nothing is created.
boot::Verdict judge_on(const boot::ImageFile& file, const boot::Inspection& inspection, Arch arch,
                       u64 memory, u64 initrd_size) {
  auto board = machine::create(arch, {.ram = memory});
  if (!board) {
    boot::Verdict verdict;
    verdict.refusal = std::move(board).error();
    return verdict;
  }
  const auto ram = (*board)->ram();
  auto target = boot::target_for(arch, ram, (*board)->reserved());
  if (arch == host_arch && !host_has_64_bits())
    target.only_32_bits = "this host's processor or kernel has 32 bits";
  // What the boards keep free for a tree of one CPU.
  const u64 tree = arch == Arch::x86_64 ? 0 : 34_KiB;
  return boot::judge(file, inspection, target, {.initrd_size = initrd_size, .tree_size = tree});
}

// In MiB steps; 0 where no memory helps.
u64 least_memory(const boot::ImageFile& file, const boot::Inspection& inspection, Arch arch,
                 u64 initrd_size) {
  const auto starts = [&](u64 mebibytes) {
    return !judge_on(file, inspection, arch, mebibytes * 1_MiB, initrd_size).refusal;
  };
  u64 low = 1, high = std::min<u64>(64_GiB, config::max_memory) / 1_MiB;
  if (!starts(high)) return 0;
  while (low < high) {
    const u64 middle = low + (high - low) / 2;
    if (starts(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return high * 1_MiB;
}

Result<InspectReport> look_at(const std::string& path, const Request& request, u64 initrd_size) {
  InspectReport report;
  Fd fd = TRY(open_image(path));
  auto opened = boot::ImageFile::open(fd.get(), path);
  if (!opened) {
    Error error = std::move(opened).error();
    error.kind = Error::Kind::image;
    return std::unexpected(std::move(error));
  }
  const boot::ImageFile file = *std::move(opened);
  report.path = path;
  report.file_size = file.size();
  report.inspection = TRY(boot::inspect(file));
  const auto arch = request.arch ? request.arch : report.inspection.arch;
  report.machine = arch.value_or(host_arch);
  report.assumed = !arch;
  report.memory = request.memory;
  if (report.inspection.kind == boot::Inspection::Kind::foreign) return report;
  report.verdict = judge_on(file, report.inspection, report.machine, request.memory, initrd_size);
  report.least_memory = least_memory(file, report.inspection, report.machine, initrd_size);
  return report;
}

}  // namespace

int inspect_command(const Command& command, Arguments arguments, const Context& context) {
  const auto request = parse_request(arguments);
  if (!request) return report(context.streams, request.error());
  if (request->help) return print_and_succeed(context, help_text(command));
  const auto initrd_size = size_of(request->initrd);
  if (!initrd_size) return report(context.streams, initrd_size.error());
  int status = to_int(ExitStatus::success);
  JsonWriter json;
  std::string words;
  json.array();
  for (const std::string& path : request->files) {
    const auto found = look_at(path, *request, *initrd_size);
    if (!found) {
      status = report(context.streams, found.error());
      if (request->json) to_json(json, path, found.error());
      continue;
    }
    if (!found->starts()) status = to_int(ExitStatus::bad_image);
    if (request->json) {
      to_json(json, *found);
    } else {
      if (!words.empty()) words += '\n';
      words += to_text(*found);
    }
  }
  json.end();
  const int printed =
      print_and_succeed(context, request->json ? json.take() + "\n" : std::move(words));
  return printed != 0 ? printed : status;
}

}  // namespace pv::cli
