// Landlock: the file system, TCP and abstract Unix sockets refused to the calling thread and its
// descendants. Linux 5.13 and later, Documentation/userspace-api/landlock.rst; the ABI version
// says which rights a kernel knows, and asking for more is an error. Descriptors that are open
// already keep working. The structures are spelled out here: Debian 12's header has the first three
// versions only. Absent: the signal scope (the filters allow signals to ourselves only).
#pragma once

#include <span>

#include "base/result.h"
#include "base/types.h"

namespace pv::jail {

// The kernel's ABI version; 0 when it has no Landlock or it is switched off.
int landlock_abi();

// Refuses everything but removing names in the given folders. Needs no_new_privs.
// Errors: a descriptor that is no folder's; the kernel refuses.
Result<void> restrict_file_system(int abi, std::span<const int> unlink_in);

}  // namespace pv::jail
