// Descriptors that the caller has opened, named on the command line by a path: /proc/self/fd/17.
// Opening it again would fail for a socket, and give another file position.
//
// The monitor's own descriptors have numbers, too. All of them close on exec, and no inherited one
// does: so a descriptor that the caller forgot is told from one of ours that has its number.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"

namespace pv {

enum class FdUse : u8 { any, read, write };

// Errors (host): `path` is /proc/self/fd/17 or /dev/fd/17, and the caller did not open
// descriptor 17.
Result<void> check_handed(const std::string& path);

// The descriptor that such a path names, duplicated. Nothing when the path names none.
// Errors (host): the caller did not open it, or not for this use.
std::optional<Result<Fd>> duplicate_named(const std::string& path, FdUse use = FdUse::any);

}  // namespace pv
