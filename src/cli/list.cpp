// `polyvisor list`: the running VMs of this user.
#include "base/text.h"
#include "cli/command.h"
#include "control/client.h"

namespace pv::cli {

int list_command(const Command& command, Arguments arguments, const Context& context) {
  int status = 0;
  if (finish_plain(command, arguments, context, status)) return status;
  const auto directories = control::Directory::existing();
  std::string lines = "    PID NAME                     STATE\n";
  for (const auto& vm : control::running_vms(directories)) {
    const auto reply = control::request(vm, control::Verb::stat);
    const auto field = [&](std::string_view key) {
      return reply ? reply->find(key).value_or("?") : "?";
    };
    const std::string_view state = reply ? field("state") : "not answering";
    lines += text("{:>7} {:<24} {}\n", field("pid"), vm.name, state);
  }
  return print_and_succeed(context, lines);
}

}  // namespace pv::cli
