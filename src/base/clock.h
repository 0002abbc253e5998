// The host's clocks, and waiting by them. A device gets its clock by device/ports.h instead, so
// that tests can replace it.
#pragma once

#include "base/types.h"

namespace pv {

u64 wall_ns();       // CLOCK_REALTIME
u64 monotonic_ns();  // CLOCK_MONOTONIC
// For deadlines: signed, because what is left until one may be less than nothing.
i64 monotonic_ms();

// A signal may end it before its time.
void sleep_ms(u32 ms);

}  // namespace pv
