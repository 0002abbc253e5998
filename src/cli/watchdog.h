// The watchdog of `run --watchdog`: a process beside the VM, made before the VM opens anything,
// that asks over the control socket for signs of life and diagnoses a guest that shows none. The
// VM's own process stays sealed and does nothing of this.
//
// A sign of life is console output or an exit to the monitor, other than those that looking causes.
// Silence alone is no alarm (an idle guest is silent): it is the reason to look, and only a verdict
// that something is wrong is reported, once for each silence.
#pragma once

#include <string>

#include "base/fd.h"
#include "config/vm_config.h"

namespace pv::cli {

class Watchdog {
 public:
  Watchdog() = default;
  // `name` is the running VM's. Errors (host): no process can be made.
  static Result<Watchdog> start(const std::string& name, const config::VmConfig& config);

 private:
  explicit Watchdog(Fd alive) : alive_(std::move(alive)) {}
  Fd alive_;  // the watching process ends when this is closed, by whatever way the VM ends
};

}  // namespace pv::cli
