// What polyvisor's exit status means, as one table: the commands return these, and the manual page
// and docs/manual/exit-status.md list them. 0 to 99 belong to the guest.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace pv::cli {

enum class ExitStatus : u8 {
  success = 0,
  reset = 100,
  crash = 101,
  panic = 102,
  host_error = 103,
  usage = 104,
  bad_image = 105,
  stopped = 106,
  no_such_vm = 107,
  hung = 108,
};

struct ExitStatusText {
  ExitStatus status;
  std::string_view meaning;
};
inline constexpr ExitStatusText exit_status_texts[] = {
    {ExitStatus::success, "The guest powered off, or the command did what it was asked to."},
    {ExitStatus::reset, "The guest reset itself and --reboot was not given."},
    {ExitStatus::crash,
     "The guest crashed: a triple fault, an entry that the processor refused, or an error inside "
     "KVM from which the virtual CPU cannot continue."},
    {ExitStatus::panic, "The guest reported that it panicked."},
    {ExitStatus::host_error,
     "The host cannot do what is needed: no usable /dev/kvm, not enough memory, a failed system "
     "call."},
    {ExitStatus::usage, "The command line or the configuration is wrong; nothing was started."},
    {ExitStatus::bad_image,
     "A kernel, initrd, device tree or disk is not what it has to be, or does not fit."},
    {ExitStatus::stopped,
     "The run was ended from outside: polyvisor stop, Ctrl-a x, or one of the signals SIGINT, "
     "SIGTERM and SIGHUP."},
    {ExitStatus::no_such_vm, "No VM of that name is running, or it does not answer."},
    {ExitStatus::hung,
     "The guest hung, and its watchdog ended the run (--watchdog N,action=stop)."},
};

// The largest code that a guest's test-exit device can hand through.
inline constexpr u8 max_guest_code = 99;

constexpr int to_int(ExitStatus status) { return static_cast<int>(status); }

constexpr ExitStatus status_of(Error::Kind kind) {
  switch (kind) {
    case Error::Kind::usage: return ExitStatus::usage;
    case Error::Kind::image: return ExitStatus::bad_image;
    case Error::Kind::host: return ExitStatus::host_error;
  }
  return ExitStatus::host_error;
}

}  // namespace pv::cli
