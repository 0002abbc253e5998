#include "device/sifive_test.h"

#include "device/state.h"

namespace pv::device {

void SifiveTest::write(bus::Access access, u64 value) {
  if (access.offset != 0) return;
  const u32 code = static_cast<u32>(value >> 16) & 0xffff;
  switch (value & 0xffff) {
    case 0x5555: power_.power_off(); break;
    case 0x7777: power_.reset(); break;
    case 0x3333:
      if (code <= 99)
        power_.exit_with(static_cast<u8>(code));
      else
        power_.crash();
      break;
    default: break;
  }
}

void SifiveTest::save(StateWriter& out) const { out.put8(1); }

Result<void> SifiveTest::restore(StateReader& in) { return expect_version(in, 1, "sifive_test"); }

}  // namespace pv::device
