// `polyvisor run`: from the command line to a validated VmConfig, and from there to a Launcher. The
// Launcher is an interface so that everything here can be tested without a hypervisor.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/parser.h"
#include "config/vm_config.h"

namespace pv::cli {

struct RunOutcome {
  int exit_status = 0;  // cli/exit_status.h, or the guest's own code
};

class Launcher {
 public:
  virtual ~Launcher() = default;
  // Runs the VM to its end. The configuration is valid. Errors: it could not be started, or the
  // host failed under it.
  virtual Result<RunOutcome> launch(const config::VmConfig& config) = 0;
};

struct RunRequest {
  enum class Action : u8 { start, print_config, help, version };
  Action action = Action::start;
  std::vector<std::string> notes;  // what is accepted and has no effect, for --log-level info
  config::VmConfig config;         // not yet validated
};

// Reads `--config FILE` first wherever it stands, then lets the options change it.
// Errors (usage): as of Parser; a value that an option does not take, named by the option. An
// unreadable configuration file is an error of the host.
// `log_level` is the value of a --log-level that stood before the command.
Result<RunRequest> parse_run(Arguments arguments, std::string_view log_level = {});

}  // namespace pv::cli
