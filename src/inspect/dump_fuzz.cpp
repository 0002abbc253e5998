// Dumps come from strangers: no text may do more than be refused.
#include "inspect/diagnosis/diagnose.h"
#include "inspect/dump.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto dump = pv::inspect::parse_dump(text);
  if (!dump) return 0;
  pv::inspect::DumpSubject subject(std::move(*dump), "fuzz");
  const auto report = pv::inspect::diagnose(subject, {});
  if (report && pv::inspect::render_text(*report).empty()) __builtin_trap();
  return 0;
}
