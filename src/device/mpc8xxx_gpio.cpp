#include "device/mpc8xxx_gpio.h"

#include "device/state.h"

namespace pv::device {

u64 Mpc8xxxGpio::read(bus::Access access) {
  if (access.width != bus::Width::word) return 0;
  switch (access.offset) {
    case GPDIR: return direction_;
    case GPODR: return open_drain_;
    case GPDAT: return driven();
    case GPIMR: return mask_;
    case GPICR: return control_;
    default: return 0;  // GPIER among them: no input ever changes
  }
}

void Mpc8xxxGpio::write(bus::Access access, u64 value) {
  if (access.width != bus::Width::word) return;
  const u32 word = static_cast<u32>(value);
  const u32 before = driven();
  switch (access.offset) {
    case GPDIR: direction_ = word; break;
    case GPODR: open_drain_ = word; break;
    case GPDAT: data_ = word; break;
    case GPIMR: mask_ = word; break;
    case GPICR: control_ = word; break;
    default: break;
  }
  if ((driven() & ~before & power_pin) != 0) power_.power_off();
}

void Mpc8xxxGpio::save(StateWriter& out) const {
  out.put8(1);
  for (u32 reg : {direction_, open_drain_, data_, mask_, control_}) out.put32(reg);
}

Result<void> Mpc8xxxGpio::restore(StateReader& in) {
  TRY(expect_version(in, 1, "mpc8xxx_gpio"));
  u32 saved[5];
  for (u32& reg : saved) reg = in.get32();
  if (in.bad()) return fail_state("mpc8xxx_gpio");
  direction_ = saved[0];
  open_drain_ = saved[1];
  data_ = saved[2];
  mask_ = saved[3];
  control_ = saved[4];
  return {};
}

}  // namespace pv::device
