// SerialEnd: one of the guest's serial ports, as the VM is given it: what it is to the guest, and
// the host's end of it.
#pragma once

#include "config/serial.h"
#include "device/ports.h"

namespace pv::vmm {

struct SerialEnd {
  const config::Serial* what;
  device::CharSink* out;
  device::CharSource* in;  // null: nobody types
};

}  // namespace pv::vmm
