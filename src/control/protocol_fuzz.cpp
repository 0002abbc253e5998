// Both directions of the control protocol with arbitrary text.
#include <cstdlib>

#include "control/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pv::control;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto verb = parse_request(text);
      verb && request_line(*verb) != std::string(text) + "\n")
    std::abort();
  if (const auto reply = parse_reply(text)) {
    if (!is_complete(text)) std::abort();
    for (const auto& [key, value] : reply->fields)
      if (key.empty() || key.find_first_of(" \n") != std::string::npos ||
          value.find('\n') != std::string::npos || !reply->find(key))
        std::abort();
  } else if (parse_reply(error_reply(reply.error()))) {
    std::abort();  // an error comes out as an error again
  }
  return 0;
}
