// See plan.h.
#include "plan.h"

#include <cstdlib>

namespace lab {
namespace {

class Reader final {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool more() const { return !text_.empty(); }
  std::string next() {
    const std::size_t end = text_.find('\0');
    std::string value(text_.substr(0, end));
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
    return value;
  }
  long number() { return std::strtol(next().c_str(), nullptr, 10); }

 private:
  std::string_view text_;
};

Request read_request(Reader& reader) {
  Request request;
  const std::string mode = reader.next();
  request.mode = mode.empty() ? 'm' : mode[0];
  request.timeout_ms = reader.number();
  request.input = reader.next();
  request.folder = reader.next();
  request.rows = static_cast<unsigned short>(reader.number());
  request.columns = static_cast<unsigned short>(reader.number());
  for (long count = reader.number(); count > 0 && reader.more(); --count) {
    request.arguments.push_back(reader.next());
  }
  return request;
}

}  // namespace

Plan parse_plan(std::string_view text) {
  Plan plan;
  Reader reader(text);
  while (reader.more()) {
    const std::string key = reader.next();
    if (key == "console") plan.console = reader.next();
    else if (key == "token") plan.token = reader.next();
    else if (key == "printk") plan.printk = reader.next();
    else if (key == "hostname") plan.hostname = reader.next();
    else if (key == "env") plan.environment.push_back(reader.next());
    else if (key == "module") plan.modules.push_back(reader.next());
    else if (key == "command") plan.requests.push_back(read_request(reader));
    else if (key == "clock") plan.clock = reader.number();
    else if (key == "serve") plan.serve = true;
  }
  return plan;
}

}  // namespace lab
