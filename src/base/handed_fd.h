// Descriptors that the caller has opened, named on the command line by a path: /proc/self/fd/17.
// Opening it again would fail for a socket, and give another file position.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"

namespace pv {

// The descriptor that a path such as /proc/self/fd/17 or /dev/fd/17 names, duplicated. Nothing when
// the path names none. Errors (host): no such descriptor is open.
std::optional<Result<Fd>> duplicate_named(const std::string& path);

}  // namespace pv
