// Both directions of the control protocol with arbitrary text.
#include <cstdlib>

#include "control/inspection.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pv::control;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto request = parse_request(text);
      request && request_line(*request) != std::string(text) + "\n")
    std::abort();
  if (const auto reply = parse_reply(text)) {
    if (!is_complete(text)) std::abort();
    for (const auto& [key, value] : reply->fields)
      if (key.empty() || key.find_first_of(" \n") != std::string::npos ||
          value.find('\n') != std::string::npos || !reply->find(key))
        std::abort();
    // What carries the guest's state is read as what was written, whatever else it says.
    if (const auto facts = parse_facts(*reply))
      if (parse_facts(*parse_reply(facts_reply(*facts)))->ram.size() != facts->ram.size())
        std::abort();
    if (const auto file = parse_registers(*reply))
      if (parse_registers(*parse_reply(registers_reply(*file)))->values != file->values)
        std::abort();
    if (const auto bytes = parse_memory(*reply))
      if (*parse_memory(*parse_reply(memory_reply(*bytes))) != *bytes) std::abort();
  } else if (parse_reply(error_reply(reply.error()))) {
    std::abort();  // an error comes out as an error again
  }
  return 0;
}
