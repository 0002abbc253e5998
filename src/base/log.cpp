#include "base/log.h"

#include "base/fd.h"
#include "base/text.h"

namespace pv {

void Log::write(LogLevel level, std::string_view message) const {
  constexpr std::string_view names[] = {"error: ", "warning: ", "", "debug: "};
  std::string line = "polyvisor: ";
  line += names[static_cast<usize>(level)];
  line += message;
  line += '\n';
  write_or_drop(fd_, bytes_of(line), 0);
}

}  // namespace pv
