// Personalities: what differs when the binary is called by another monitor's name. Commands and
// options are the same for all; the default board and the words for an exit status are not.
#pragma once

#include <string_view>

#include "base/arch.h"
#include "cli/exit_status.h"

namespace pv::cli {

enum class Personality : u8 { polyvisor, lkvm, crosvm };

// By the name of a link to the binary: "lkvm", "./apps/lkvm-static", "/usr/bin/crosvm".
Personality personality_of(std::string_view program);

// The board of a VM that names none: the personality's own where the architecture has it, else "".
std::string_view default_board(Personality personality, Arch arch);

// crosvm's --extended-status: 0 as it is and for a run that was ended from outside, 32 reset, 33
// crash, 34 panic, 35 bad arguments, 1 for all other failures of polyvisor's, 36 the
// watchdog ended the run. A guest's own code passes.
constexpr int extended_status(int status) {
  switch (status) {
    case to_int(ExitStatus::reset): return 32;
    case to_int(ExitStatus::crash): return 33;
    case to_int(ExitStatus::panic): return 34;
    case to_int(ExitStatus::usage): return 35;
    case to_int(ExitStatus::stopped): return 0;
    case to_int(ExitStatus::hung): return 36;
    case to_int(ExitStatus::host_error):
    case to_int(ExitStatus::bad_image):
    case to_int(ExitStatus::no_such_vm): return 1;
    default: return status;
  }
}

}  // namespace pv::cli
