// `polyvisor doctor`: checks this host, or with --kernel-config a kernel's configuration; exit
// status 0 when guests can run (the configuration is good), else 1.
#include <fcntl.h>

#include <algorithm>

#include "base/fd.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/help.h"
#include "doctor/kernel_config.h"
#include "doctor/live_probe.h"
#include "doctor/report.h"
#include "kvm/probe.h"

namespace pv::cli {
namespace {

constexpr int not_good = 1;

struct DoctorRequest {
  bool json = false;
  bool help = false;
  bool guest = false;
  std::string kernel_config;  // a file's name; empty: this host itself
  std::optional<Arch> arch;
};

Result<DoctorRequest> parse_doctor(Arguments arguments) {
  DoctorRequest request;
  Parser parser("doctor", doctor_options, arguments);
  Item item;
  while (TRY(parser.next(item))) {
    if (item.option == nullptr)
      return fail(Error::Kind::usage, text("doctor takes no argument \"{}\"", item.value),
                  "for a kernel's configuration: --kernel-config FILE");
    switch (item.option->id) {
      case Id::json: request.json = true; break;
      case Id::guest: request.guest = true; break;
      case Id::kernel_config:
        if (item.value.empty())
          return fail(Error::Kind::usage, "--kernel-config: the file's name is empty");
        request.kernel_config = item.value;
        break;
      case Id::arch: request.arch = TRY(parse_arch(item.value)); break;
      default: request.help = true; return request;
    }
  }
  if (request.kernel_config.empty() && (request.guest || request.arch))
    return fail(Error::Kind::usage, "--guest and --arch belong to --kernel-config",
                "name the configuration: --kernel-config FILE");
  return request;
}

int examine_host(const DoctorRequest& request, const Context& context) {
  const doctor::LiveProbe probe(kvm::probe());
  const auto findings = doctor::examine(probe);
  const int printed =
      print_and_succeed(context, request.json ? doctor::json_report(probe, findings)
                                              : doctor::text_report(probe, findings));
  if (printed != to_int(ExitStatus::success)) return printed;
  return doctor::guests_can_run(findings) ? to_int(ExitStatus::success) : not_good;
}

Result<doctor::FoundConfig> read_config(const std::string& path) {
  auto file = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) {
    Error error = std::move(file).error();
    error.kind = Error::Kind::image;
    return std::unexpected(std::move(error));
  }
  return doctor::read_kernel_config(file->get(), path);
}

int examine_configuration(const DoctorRequest& request, const Context& context) {
  const auto found = read_config(request.kernel_config);
  if (!found) return report(context.streams, found.error());
  const Arch arch = request.arch.value_or(
      found->arch.value_or(doctor::architecture_of(found->config).value_or(host_arch)));
  const auto role = request.guest ? doctor::Role::guest : doctor::Role::host;
  const auto findings = doctor::examine(found->config, arch, role);
  const int printed =
      print_and_succeed(context, request.json ? doctor::json_report(*found, arch, role, findings)
                                              : doctor::text_report(*found, arch, role, findings));
  if (printed != to_int(ExitStatus::success)) return printed;
  const bool good = std::ranges::none_of(
      findings, [](const auto& finding) { return finding.state == doctor::State::broken; });
  return good ? to_int(ExitStatus::success) : not_good;
}

}  // namespace

int doctor_command(const Command& command, Arguments arguments, const Context& context) {
  const auto request = parse_doctor(arguments);
  if (!request) return report(context.streams, request.error());
  if (request->help) return print_and_succeed(context, help_text(command));
  return request->kernel_config.empty() ? examine_host(*request, context)
                                        : examine_configuration(*request, context);
}

}  // namespace pv::cli
