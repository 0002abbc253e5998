#include "doctor/explain.h"

namespace pv::doctor {
namespace {

Error in_words(const Finding& finding, Error::Kind kind) {
  std::string hint = finding.why;
  if (!finding.mend.empty()) hint += (hint.empty() ? "" : "\n        ") + finding.mend;
  return {kind, finding.seen, std::move(hint), finding.id};
}

}  // namespace

Error explain(const Probe& probe, Error error) {
  if (!error.check.empty()) {
    const Finding named = examine(probe, error.check);
    if (named.state != State::fine && !named.id.empty()) return in_words(named, error.kind);
  }
  if (error.kind != Error::Kind::host) return error;
  for (const Finding& finding : examine(probe))
    if (finding.state == State::broken) return in_words(finding, error.kind);
  return error;
}

}  // namespace pv::doctor
