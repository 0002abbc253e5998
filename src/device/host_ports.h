// The host's side of the ports in ports.h: its clocks and its random numbers.
#pragma once

#include <sys/random.h>

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
//
// Never waits for the kernel's generator: on a board that has just come up, and has no source of
// randomness, that takes seconds (since Linux 5.18 also to read /dev/urandom). Until it is ready
// the numbers are what the kernel has, GRND_INSECURE.
class HostEntropy final : public Entropy {
 public:
  using Getrandom = ssize_t (*)(void* into, size_t size, unsigned flags);

  // Errors: neither source is there.
  static Result<std::unique_ptr<HostEntropy>> create(Getrandom call = ::getrandom);
  void fill(MutableBytes into) override;
  // Whether a guest may take these numbers for unpredictable: the generator is ready.
  bool ready() const;

 private:
  HostEntropy(Getrandom call, Fd urandom) : call_(call), urandom_(std::move(urandom)) {}
  Getrandom call_;
  Fd urandom_;  // valid: used instead of getrandom
};

}  // namespace pv::device
