// The jail: what the process gives up for good before the first guest instruction, so that a guest
// that breaks out of a device model finds nothing worth having. SECURITY.md has the threat model,
// docs/decisions/ why the filters are compiled at build time.
//
//   Sealed sealed = TRY(seal_process({.unlink_in = folders}));    // main, everything is open
//   TRY(enter(sealed, filter<vcpu_policy, kvm::vcpu_ioctls, terminal_ioctls>));  // each vCPU
//   thread TRY(enter(sealed, filter<loop_policy, kvm::loop_ioctls, terminal_ioctls>));  // main,
//   last
//
// Linux: Documentation/userspace-api/{no_new_privs,seccomp_filter,landlock}.rst. A kernel without
// one of them still runs guests: Sealed says what is missing. Deliberately absent: namespaces and
// chroot (they need privileges that we do not ask for) and a process for each device.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "jail/program.h"

namespace pv::jail {

// Called in the signal handler before the process ends because of a forbidden system call: must be
// async-signal-safe (restore the terminal).
using LastAct = void (*)();

struct Options {
  // Descriptors of folders in which names may still be removed (the control socket's); everything
  // else about the file system is refused where the kernel has Landlock. O_PATH is enough.
  std::span<const int> unlink_in{};
  LastAct last_act = nullptr;
};

// What was achieved. A default Sealed stands for --disable-sandbox: enter() then does nothing.
struct Sealed {
  bool filters = false;  // the kernel has seccomp filters: enter() installs them
  int landlock_abi = 0;  // 0: the kernel has none
  // One sentence for the log that names what this host lacks; empty when nothing.
  std::string missing;
};

// Takes away privileges (no_new_privs, capabilities) and the file system (Landlock) from the
// calling thread and all threads that it starts later: to be called before the first is started.
// 8 system calls and one for each folder. Errors: a folder's descriptor is not valid, or
// the kernel refuses what it said it can do.
Result<Sealed> seal_process(const Options& options);

// Installs the filter on the calling thread, for good: 3 system calls. Threads that it starts
// inherit it, and their own filter can only take more away. SIGSYS must not be blocked later: the
// line below would be missing. A thread of `last_act` needs terminal_ioctls in its filter.
// A forbidden call ends the process with status 103 after one line on standard error.
Result<void> enter(const Sealed& sealed, const Filter& filter);

}  // namespace pv::jail
