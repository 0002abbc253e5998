#include "device/i8042.h"

#include "device/state.h"

namespace pv::device {
namespace {

constexpr u64 data = 0, port_b = 1, status_command = 4;
constexpr u8 status_absent = 0xfd;
constexpr u8 timer2_output = 0x20;
constexpr u8 write_output_port = 0xd1, pulse_reset = 0xfe;
constexpr u8 state_version = 1;

}  // namespace

u64 I8042::read(bus::Access access) {
  switch (access.offset) {
    case port_b: return timer2_output;
    case status_command: return status_absent;
    default: return bus::all_ones(access.width);
  }
}

void I8042::write(bus::Access access, u64 value) {
  if (access.offset == status_command) {
    output_port_next_ = (value & 0xff) == write_output_port;
    if ((value & 0xff) == pulse_reset) power_.reset();
  } else if (access.offset == data) {
    if (output_port_next_ && !(value & 1)) power_.reset();
    output_port_next_ = false;
  }
}

void I8042::save(StateWriter& out) const {
  out.put8(state_version);
  out.put_bool(output_port_next_);
}

Result<void> I8042::restore(StateReader& in) {
  TRY(expect_version(in, state_version, "i8042"));
  const bool output_port_next = in.get_bool();
  if (in.bad()) return fail_state("i8042");
  output_port_next_ = output_port_next;
  return {};
}

}  // namespace pv::device
