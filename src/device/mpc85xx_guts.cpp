#include "device/mpc85xx_guts.h"

#include "device/state.h"

namespace pv::device {

u64 Mpc85xxGuts::read(bus::Access access) {
  if (access.width != bus::Width::word) return 0;
  switch (access.offset) {
    case PVR: return processor_version_;
    case SVR: return system_version_;
    default: return 0;
  }
}

void Mpc85xxGuts::write(bus::Access access, u64 value) {
  if (access.width != bus::Width::word || access.offset != RSTCR) return;
  if (value & reset_request) power_.reset();
}

void Mpc85xxGuts::save(StateWriter& out) const { out.put8(1); }

Result<void> Mpc85xxGuts::restore(StateReader& in) { return expect_version(in, 1, "mpc85xx_guts"); }

}  // namespace pv::device
