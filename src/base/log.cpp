#include "base/log.h"

#include "base/fd.h"

namespace pv {

void Log::write(LogLevel level, std::string_view message) const {
  constexpr std::string_view names[] = {"error: ", "warning: ", "", "debug: "};
  std::string line = "polyvisor: ";
  line += names[static_cast<usize>(level)];
  line += message;
  line += '\n';
  write_or_drop(fd_, {reinterpret_cast<const u8*>(line.data()), line.size()}, 0);
}

}  // namespace pv
