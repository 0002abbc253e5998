// The host's side of the ports in ports.h: its clocks and its random numbers.
#pragma once

#include <memory>

#include "base/fd.h"
#include "base/result.h"
#include "device/ports.h"

namespace pv::device {

// CLOCK_REALTIME and CLOCK_MONOTONIC.
class HostClock final : public Clock {
 public:
  u64 wall_ns() override;
  u64 monotonic_ns() override;
};

// getrandom(2), or /dev/urandom where the kernel or a filter refuses that. Opens what it needs in
// create(), so that it works in the jail.
class HostEntropy final : public Entropy {
 public:
  // Errors: neither source is there.
  static Result<std::unique_ptr<HostEntropy>> create();
  void fill(MutableBytes into) override;

 private:
  explicit HostEntropy(Fd urandom) : urandom_(std::move(urandom)) {}
  Fd urandom_;  // valid: used instead of getrandom
};

}  // namespace pv::device
