// How `polyvisor run` starts a real VM: the one place where the command line meets src/vmm.
#pragma once

#include "cli/run.h"

namespace pv::cli {

class VmLauncher final : public Launcher {
 public:
  Result<RunOutcome> launch(const config::VmConfig& config) override;
};

}  // namespace pv::cli
