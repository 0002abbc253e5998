// The watchdog of `run --watchdog`: a process beside the VM, made before the VM opens anything and
// sealed like it, that asks for signs of life over one connection and diagnoses a guest that shows
// none. It can talk on that connection, write to standard error, and end the VM; nothing else.
//
// A sign of life is console output. Silence alone is no alarm (an idle guest is silent): it is the
// reason to look, and only a verdict that something is wrong is reported, once for each silence; of
// a guest that still makes exits to the monitor, only the second verdict in a row. A monitor that
// does not answer any more, or does not end after its VM, is reported too, unless somebody has
// stopped its process. docs/decisions/watchdog.md has the reasons.
#pragma once

#include <string>

#include "base/fd.h"
#include "config/vm_config.h"

namespace pv::cli {

class Watchdog {
 public:
  Watchdog() = default;
  // `name` is the VM's. Errors (host): no process can be made.
  static Result<Watchdog> start(const std::string& name, const config::VmConfig& config);

  // The end of its connection that the VM's control server is to serve. Once.
  Fd take_client() { return std::move(client_); }

 private:
  Watchdog(Fd alive, Fd client) : alive_(std::move(alive)), client_(std::move(client)) {}
  Fd alive_;  // the watching process ends when this is closed, by whatever way the VM ends
  Fd client_;
};

}  // namespace pv::cli
