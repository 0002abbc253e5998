#include "base/log.h"

#include <unistd.h>

namespace pv {

void Log::write(LogLevel level, std::string_view message) const {
  constexpr std::string_view names[] = {"error: ", "warning: ", "", "debug: "};
  std::string line = "polyvisor: ";
  line += names[static_cast<usize>(level)];
  line += message;
  line += '\n';
  // A log that cannot be written has nowhere to say so.
  [[maybe_unused]] ssize_t n = ::write(fd_, line.data(), line.size());
}

}  // namespace pv
