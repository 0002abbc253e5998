// Text formatting: fmt's syntax behind one out-of-line function, so that a caller compiles only
// the light half of the library. Format strings are checked at compile time.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "base/types.h"

namespace pv {

// Formats already captured arguments; text() is the call to use.
std::string vtext(fmt::string_view format, fmt::format_args args);

// text("{} bytes at {:#x}", n, address)
template <class... Args>
std::string text(fmt::format_string<Args...> format, Args&&... args) {
  return vtext(format, fmt::make_format_args(args...));
}

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

// "512 KiB", "1 GiB", "1000 bytes": the largest unit that divides the size evenly.
std::string size_text(unsigned long long bytes);

}  // namespace pv
