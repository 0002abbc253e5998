// `polyvisor stat`: a VM's state and counters, one "key value" in each line.
#include "base/text.h"
#include "cli/instance.h"

namespace pv::cli {

int stat_command(const Command& command, Arguments arguments, const Context& context) {
  const Done show = [](const Selection& selection, const control::Running& vm,
                       const control::Reply& reply, const Context& where) {
    std::string lines = text("name {}\n", vm.name);
    for (const auto& [key, value] : reply.fields) lines += text("{} {}\n", key, value);
    if (selection.all) lines += '\n';  // an empty line between VMs
    print(where.streams.out, lines);
  };
  return for_each_selected(command, arguments, context, control::Verb::stat, show);
}

}  // namespace pv::cli
