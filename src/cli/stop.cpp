// `polyvisor stop`: ends a VM without asking its guest, and waits until it has ended.
#include "cli/instance.h"

namespace pv::cli {

int stop_command(const Command& command, Arguments arguments, const Context& context) {
  return for_each_selected(command, arguments, context, control::Verb::stop);
}

}  // namespace pv::cli
