#include "device/reset_control.h"

#include "device/state.h"

namespace pv::device {

void ResetControl::write(bus::Access, u64 value) {
  value_ = value & system_reset;  // RCPU reads 0 again
  if (value & reset_cpu) power_.reset();
}

void ResetControl::save(StateWriter& out) const {
  out.put8(1);
  out.put8(value_);
}

Result<void> ResetControl::restore(StateReader& in) {
  TRY(expect_version(in, 1, "reset_control"));
  const u8 value = in.get8();
  if (in.bad()) return fail_state("reset_control");
  value_ = value & system_reset;
  return {};
}

}  // namespace pv::device
