// Uart: what the models of serial ports have in common for whoever feeds them.
#pragma once

#include "bus/mmio_device.h"
#include "device/ports.h"

namespace pv::device {

class Uart : public bus::MmioDevice {
 public:
  // Who to tell that there is room again; may be null, must outlive the device.
  void set_source(CharSource* source) { source_ = source; }

  // Input from outside; the device's mutex is held. Takes as many characters as fit and returns
  // how many; after less than all, source->room() will be called once.
  virtual usize receive(Bytes bytes) = 0;
  // A break condition on the line (Linux: SysRq). False when there is no room now.
  virtual bool receive_break() = 0;
  // Whether the guest's last accesses asked for input that was not there; the mutex is held.
  virtual bool polled() const = 0;

 protected:
  CharSource* source_ = nullptr;
};

}  // namespace pv::device
