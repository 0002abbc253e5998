// One of the selftest's guests: run in a process of its own, its console's output and its exit
// status collected.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/types.h"
#include "config/vm_config.h"

namespace pv::cli {

// What a guest is for, and what it has to do to pass.
struct SelftestGuest {
  std::string_view name;    // of the embedded guest
  std::string_view covers;  // "interrupts of the timer"
  std::string_view says;    // what its output has to contain
  std::string_view input;   // for its console
  std::string_view params;
  u32 cpus = 1;
  bool rng = false;
};

struct GuestRun {
  bool ended = false;  // false: it took too long, or no process could be made
  int status = 0;      // as of run; 128 + N after signal N
  std::string output;  // console and monitor, at most 64 KiB
  u64 milliseconds = 0;
};

// Calls `body` in a new process whose standard input gives `input` and then ends, and collects what
// it prints; what it returns is its exit status. Killed after `seconds`.
GuestRun run_apart(std::string_view input, unsigned seconds, const std::function<int()>& body);

config::VmConfig config_of(const SelftestGuest& guest);

// Whether it did what it had to.
bool passed(const SelftestGuest& guest, const GuestRun& run);

// The last line that is not empty: what a guest concludes.
std::string_view last_line(std::string_view output);

}  // namespace pv::cli
