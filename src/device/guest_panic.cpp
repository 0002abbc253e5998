#include "device/guest_panic.h"

#include "device/state.h"

namespace pv::device {

void GuestPanic::write(bus::Access, u64 value) {
  if (value & panicked) power_.crash();
}

void GuestPanic::save(StateWriter& out) const { out.put8(1); }

Result<void> GuestPanic::restore(StateReader& in) { return expect_version(in, 1, "guest_panic"); }

}  // namespace pv::device
