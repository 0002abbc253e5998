// What `polyvisor inspect` found out about one file, and how it is told: for people and as JSON
// (docs/manual/inspect.md has the fields).
#pragma once

#include <string>

#include "base/json_writer.h"
#include "boot/inspection.h"

namespace pv::cli {

struct InspectReport {
  std::string path;
  u64 file_size = 0;
  boot::Inspection inspection;
  // The machine it was held against. Of a file that is no kernel nothing of this is told.
  Arch machine = Arch::aarch64;
  bool assumed = false;  // neither the file nor the user named an architecture
  u64 memory = 0;        // the guest's RAM
  u64 least_memory = 0;  // with less it would not start; 0: it would not start with any
  boot::Verdict verdict;

  // Whether `polyvisor run` would start it.
  bool starts() const {
    return inspection.kind != boot::Inspection::Kind::foreign && !verdict.refusal;
  }
};

// Several lines, the last ended.
std::string to_text(const InspectReport& report);
// One object.
void to_json(JsonWriter& json, const InspectReport& report);
// The same of a file that cannot be read: its name and why.
void to_json(JsonWriter& json, const std::string& path, const Error& error);

}  // namespace pv::cli
