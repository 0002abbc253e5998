// Diagnosis of a guest that hangs (or does not): samples its vCPUs, judges each by the rules
// (rules.h), and says which of them explains the guest.
#pragma once

#include <functional>

#include "inspect/diagnosis/verdict.h"
#include "inspect/symbols.h"

namespace pv::inspect {

struct Options {
  unsigned samples = 30;       // of each vCPU; of a dump one is enough
  std::function<void()> wait;  // between two rounds of samples; may be empty
  const Symbols* symbols = nullptr;
  std::function<bool()> search;  // of memory for the kernel's log: false ends it; empty: none
  usize log_lines = 20;          // of its end
};

// Errors: the subject's (a VM that ended meanwhile).
Result<Report> diagnose(Subject& subject, const Options& options);

}  // namespace pv::inspect
