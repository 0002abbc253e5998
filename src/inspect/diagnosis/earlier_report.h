// What a report said that `diagnose --json` has written, so that reading it again (--from-dump)
// loses nothing: the verdicts came from many samples of a running guest, of which the report holds
// the last. inspect/dump_json.h reads it.
#pragma once

#include <string>
#include <vector>

#include "inspect/diagnosis/verdict.h"

namespace pv::inspect {

struct EarlierReport {
  u64 samples = 0;
  Verdict verdict;
  std::vector<Verdict> cpus;
  std::vector<std::string> log;
  std::string log_note;
};

// Puts what it said in the place of what one moment alone has shown.
void restore(const EarlierReport& earlier, Report& report);

}  // namespace pv::inspect
