// `polyvisor resume`: lets a paused VM go on.
#include "cli/instance.h"

namespace pv::cli {

int resume_command(const Command& command, Arguments arguments, const Context& context) {
  return for_each_selected(command, arguments, context, control::Verb::resume);
}

}  // namespace pv::cli
