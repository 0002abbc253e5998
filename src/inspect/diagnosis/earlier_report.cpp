#include "inspect/diagnosis/earlier_report.h"

#include "base/text.h"

namespace pv::inspect {
namespace {

constexpr std::string_view note = "that is what the report says";

}  // namespace

void restore(const EarlierReport& earlier, Report& report) {
  // One sample: whoever reads it can judge it as well, and perhaps better, than who wrote it.
  if (earlier.samples < 2) return;
  const bool known =
      !earlier.verdict.evidence.empty() && earlier.verdict.evidence.back().starts_with(note);
  report.verdict = earlier.verdict;
  if (!known)
    report.verdict.evidence.push_back(
        text("{}, made from {} samples of the running guest; it holds the last of them", note,
             earlier.samples));
  for (usize i = 0; i < report.cpus.size() && i < earlier.cpus.size(); ++i)
    report.cpus[i].verdict = earlier.cpus[i];
  report.samples = static_cast<usize>(earlier.samples);
  report.log = earlier.log;
  report.log_note = earlier.log_note;
}

}  // namespace pv::inspect
