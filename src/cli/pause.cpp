// `polyvisor pause`: halts a VM's virtual CPUs.
#include "cli/instance.h"

namespace pv::cli {

int pause_command(const Command& command, Arguments arguments, const Context& context) {
  return for_each_selected(command, arguments, context, control::Verb::pause);
}

}  // namespace pv::cli
