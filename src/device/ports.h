// The few things a device may speak to besides its interrupt line: each injected, each replaceable
// by a fake, so that a run can be tested and later recorded.
#pragma once

#include "base/types.h"

namespace pv::device {

// Where a serial port's or console's output goes. Called with the device's mutex held: must not
// block for long and must not call back into the device.
class CharSink {
 public:
  virtual ~CharSink() = default;
  virtual void write(Bytes bytes) = 0;
};

// Output that nobody wants.
class NullSink final : public CharSink {
 public:
  void write(Bytes) override {}
};

// Who feeds a device with input. A device calls room() (its mutex held) when it can take input
// again after having refused some; the feeder then posts a task that calls the device's receive().
class CharSource {
 public:
  virtual ~CharSource() = default;
  virtual void room() = 0;
};

// Time, injected so that a run can be replayed.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual u64 wall_ns() = 0;       // since 1970-01-01 00:00 UTC
  virtual u64 monotonic_ns() = 0;  // since some fixed point
};

// Random bytes, injected likewise. Never blocks; fills the whole span.
class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(MutableBytes into) = 0;
};

// A one-shot timer for a device's alarm. When it expires its maker takes the device's mutex and
// calls the device's expired(); a device that is given none has no alarm interrupt.
class AlarmTimer {
 public:
  virtual ~AlarmTimer() = default;
  // The device's mutex is held. Arming again moves it; expiring early or twice does no harm (the
  // device looks at its clock and arms again). At most max_ns.
  virtual void arm(u64 after_ns) = 0;
  virtual void cancel() = 0;
  static constexpr u64 max_ns = u64{1} << 62;
};

// How a device ends or restarts the machine. Takes effect after the current access: the calls
// return and the vCPU threads then stop.
class PowerControl {
 public:
  virtual ~PowerControl() = default;
  virtual void power_off() = 0;
  virtual void reset() = 0;
  virtual void crash() = 0;             // the guest says it panicked
  virtual void exit_with(u8 code) = 0;  // a test-exit device: 0 to 99 becomes the exit status
};

}  // namespace pv::device
