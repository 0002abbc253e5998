// What a report said that `diagnose --json` has written, so that reading it again (--from-dump) loses
// nothing: the verdicts came from many samples of a running guest, of which the report holds the
// last.
//
// The text is hostile: everything is bounded, and no control character passes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
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

// JSON without the blanks between its words.
std::string dense_json(std::string_view text);

// Of dense JSON; nullopt: no verdict is in it.
std::optional<EarlierReport> read_earlier(std::string_view json);

// Puts what it said in the place of what one moment alone has shown.
void restore(const EarlierReport& earlier, Report& report);

}  // namespace pv::inspect
