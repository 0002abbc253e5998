// What can be done to a running VM from outside. vmm implements it, the control server calls it on
// the loop's thread; nothing here may block for longer than it takes to halt the vCPUs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace pv::control {

struct Stats {
  bool paused = false;
  u32 cpus = 0;
  u64 memory = 0;     // guest RAM in bytes
  u64 uptime_ms = 0;  // since the VM was started
  // Whatever else is counted: a key of letters, digits, '.', '_' and '-' such as "exits.mmio-read".
  std::vector<std::pair<std::string, u64>> counters;
};

class Target {
 public:
  virtual ~Target() = default;
  // Pausing a paused VM and resuming a running one succeed and change nothing.
  virtual Result<void> pause() = 0;
  virtual Result<void> resume() = 0;
  // Asks the VM to end soon; returns before it has.
  virtual Result<void> stop() = 0;
  virtual Stats stat() = 0;
};

}  // namespace pv::control
