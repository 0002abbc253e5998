// What happens when a thread makes a system call that its filter forbids: one line on standard
// error that names the call and the thread, and the end of the process with status 103.
#pragma once

#include <string_view>

#include "base/types.h"
#include "jail/jail.h"

namespace pv::jail {

constexpr int violation_status = 103;  // cli/exit_status.h: host_error

// "socket", or nothing for a call whose name we do not keep.
std::string_view call_name(u32 number);
std::string_view role_name(Role role);

// Installs the SIGSYS handler. Called once; the handler outlives everything.
void install_violation_handler(LastAct last_act);

}  // namespace pv::jail
