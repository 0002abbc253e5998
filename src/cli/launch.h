// How `polyvisor run` starts a real VM: the one place where the command line meets src/vmm.
#pragma once

#include "cli/run.h"

namespace pv::cli {

class VmLauncher final : public Launcher {
 public:
  Result<RunOutcome> launch(const config::VmConfig& config) override;
};

// Runs a VM whose kernel is not a file but these bytes; the configuration's name of it stands in
// messages only. Errors: as launch().
Result<RunOutcome> launch_from_memory(const config::VmConfig& config, Bytes kernel);

}  // namespace pv::cli
