// Runs one command of the plan and tells the lab what it printed and how it ended.
//
// Frames to the lab while it runs: B index; O and E output and errors; A count of input bytes
// that the command has been given; at the end X "index kind value elapsed_ns user_us system_us
// maxrss_kib" with kind exit, signal or timeout.
// Frames from the lab: I input, Z end of input, W "rows columns", K signal number.
#pragma once
#include "link.h"
#include "plan.h"

namespace lab {

void run_command(Link& link, const Request& request, unsigned index);

}  // namespace lab
