// Any command line: each line of the input is an argument. What parse_run() accepts must survive
// the way through JSON unless it holds bytes that are no text.
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/run.h"
#include "config/json.h"
#include "config/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> words(1);
  for (size_t i = 0; i < size; ++i) {
    if (data[i] == '\n')
      words.emplace_back();
    else if (data[i] != 0)
      words.back() += static_cast<char>(data[i]);
  }
  std::vector<char*> pointers;
  for (auto& word : words) {
    if (word.starts_with("--config")) return 0;  // would read files of the host
    pointers.push_back(word.data());
  }
  const auto request = pv::cli::parse_run({pointers.data(), pointers.size()});
  if (!request) {
    if (request.error().message.empty() || request.error().hint.empty()) std::abort();
    return 0;
  }
  if (!pv::config::validate(request->config)) return 0;
  if (!pv::config::from_json(pv::config::to_json(request->config))) std::abort();
  return 0;
}
