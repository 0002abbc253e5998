// Diagnosing one running VM: what the command, its --differential and the watchdog share.
#pragma once

#include <functional>
#include <string>

#include "control/client.h"
#include "inspect/diagnosis/diagnose.h"

namespace pv::cli {

struct Examination {
  unsigned samples = 30;
  std::string symbols;  // path of a file; empty: none
  bool log = true;      // search for the kernel's log
  bool whole_log = false;
};

Result<inspect::Report> examine_running(const control::Running& vm, const Examination& how);
Result<inspect::Report> examine(inspect::Subject& subject, const Examination& how);

// A file as a whole, "-" for standard input. Errors (image).
Result<std::vector<u8>> read_whole(const std::string& path, u64 most);

}  // namespace pv::cli
