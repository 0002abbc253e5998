#include "cli/launch.h"

namespace pv::cli {

// The call into src/vmm is connected together with that layer.
Result<RunOutcome> VmLauncher::launch(const config::VmConfig&) {
  return fail(Error::Kind::host, "this build has no virtual machine monitor linked in");
}

}  // namespace pv::cli
