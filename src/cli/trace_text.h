// Traces as text: what `polyvisor trace print`, `count` and `diff` say.
#pragma once

#include <optional>
#include <string>

#include "trace/compare.h"
#include "trace/reader.h"

namespace pv::cli {

struct TraceOptions {
  std::optional<u64> vcpu;  // only this one
  u64 context = 5;          // lines around a difference
  bool all = false;         // every difference, not only the first
  trace::CompareOptions compare;
};

std::string trace_text(const trace::Trace& trace, const TraceOptions& options);
std::string count_text(const trace::Trace& trace, const TraceOptions& options);

struct NamedTrace {
  const trace::Trace& trace;
  const std::string& name;
};
// `differ`: whether there is any difference.
std::string difference_text(NamedTrace a, NamedTrace b, const TraceOptions& options, bool& differ);

}  // namespace pv::cli
