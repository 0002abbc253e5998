// Any text: from_json() either refuses it or gives a VmConfig that survives the way out and back.
#include <cstdlib>

#include "config/json.h"
#include "config/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto config =
      pv::config::from_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!config) {
    if (config.error().message.empty()) std::abort();
    return 0;
  }
  const auto again = pv::config::from_json(pv::config::to_json(*config));
  if (!again || *again != *config) std::abort();
  static_cast<void>(pv::config::validate(*config));
  return 0;
}
