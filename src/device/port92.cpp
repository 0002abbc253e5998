#include "device/port92.h"

#include "device/state.h"

namespace pv::device {

void Port92::write(bus::Access, u64 value) {
  if (value & fast_reset) power_.reset();
}

void Port92::save(StateWriter& out) const { out.put8(1); }

Result<void> Port92::restore(StateReader& in) { return expect_version(in, 1, "port92"); }

}  // namespace pv::device
