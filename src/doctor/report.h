// What `polyvisor doctor` prints: about the host, one line a check with a mark, details under what
// is not fine, the kernel's lines on KVM; or the same as JSON.
#pragma once

#include <span>
#include <string>

#include "base/json_writer.h"
#include "doctor/check.h"

namespace pv::doctor {

std::string text_report(const Probe& probe, std::span<const Finding> findings);
std::string json_report(const Probe& probe, std::span<const Finding> findings);

// Parts of these, for the selftest's report.
std::string host_text(const Probe& probe);
std::string findings_text(const Probe& probe, std::span<const Finding> findings);
void write_host(JsonWriter& json, const Probe& probe);
void write_findings(JsonWriter& json, std::span<const Finding> findings);
void write_kvm(JsonWriter& json, const KvmReport& kvm);
void write_log(JsonWriter& json, const Probe& probe);

// `words` broken into lines of at most 100 characters, each after the first behind `indent` blanks.
std::string wrapped(std::string_view words, usize indent);

}  // namespace pv::doctor
