// CHECK: for our own bugs only (never for host failures, configuration or guest input).
// It names the place and aborts.
#pragma once

namespace pv {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::pv::check_failed(#condition, __FILE__, __LINE__))
