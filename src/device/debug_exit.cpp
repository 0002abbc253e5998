#include "device/debug_exit.h"

#include "device/state.h"

namespace pv::device {

void DebugExit::write(bus::Access access, u64 value) {
  if (access.offset != 0) return;
  if (value <= 99)
    power_.exit_with(static_cast<u8>(value));
  else
    power_.crash();
}

void DebugExit::save(StateWriter& out) const { out.put8(1); }

Result<void> DebugExit::restore(StateReader& in) { return expect_version(in, 1, "debug_exit"); }

}  // namespace pv::device
