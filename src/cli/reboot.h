// Boots: what `run --reboot` does about a guest that resets itself. Each boot is a process of its
// own, so that nothing of the last one remains and each can seal itself; this process only waits
// and starts the next one after a reset. docs/decisions/reboot-by-process.md says why.
//
// Signals that end a run are handed on to the boot's process; one that was ignored when this
// process was started stays ignored. A boot's process does not outlive this one.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <functional>

#include "base/result.h"
#include "cli/run.h"

namespace pv::cli {

class Boots final {
 public:
  // From here on those signals wait for run(), so that what is made now is cleared up at the end.
  Boots();
  ~Boots();  // the mask is as before; a signal that came too late to end anything is forgotten
  Boots(const Boots&) = delete;
  Boots& operator=(const Boots&) = delete;

  // Calls `boot` in a new process, and again in another one as long as the status is that of a
  // reset. Returns once in each boot's process, with what `boot` returned there, and once in this
  // one with the last boot's status. Errors (host): no process can be made, or the boot's was
  // killed.
  Result<RunOutcome> run(const std::function<Result<RunOutcome>()>& boot);

 private:
  Result<int> wait_for(pid_t child, bool& stopping) const;

  sigset_t signals_;
  sigset_t before_;
  bool parent_ = true;
};

}  // namespace pv::cli
