// The one translation unit that compiles fmt's implementation. Without locales: they would bring all
// of the C++ library's into the binary, with what of the C library serves them.
#define FMT_HEADER_ONLY 1
#define FMT_STATIC_THOUSANDS_SEPARATOR ','
#include <fmt/format.h>

#include "base/text.h"

namespace pv {

std::string vtext(fmt::string_view format, fmt::format_args args) {
  return fmt::vformat(format, args);
}

std::string size_text(unsigned long long bytes) {
  constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  unsigned unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit < 6) {
    bytes /= 1024;
    ++unit;
  }
  return text("{} {}", bytes, units[unit]);
}

}  // namespace pv
