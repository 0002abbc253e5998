#include "device/host_ports.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "base/clock.h"

namespace pv::device {

u64 HostClock::wall_ns() { return pv::wall_ns(); }
u64 HostClock::monotonic_ns() { return pv::monotonic_ns(); }

Result<std::unique_ptr<HostEntropy>> HostEntropy::create(Getrandom call) {
  u8 probe;
  Fd urandom;
  if (call(&probe, sizeof probe, GRND_NONBLOCK) != 1 &&
      (errno != EAGAIN || call(&probe, sizeof probe, GRND_INSECURE) != 1))
    urandom = TRY(open_file("/dev/urandom", O_RDONLY), "random numbers");
  return std::unique_ptr<HostEntropy>(new HostEntropy(call, std::move(urandom)));
}

bool HostEntropy::ready() const {
  u8 probe;
  return urandom_.valid() || call_(&probe, sizeof probe, GRND_NONBLOCK) == 1;
}

// The sources were seen to work and do not fail later.
void HostEntropy::fill(MutableBytes into) {
  if (urandom_.valid()) {
    const auto got = read_fully(urandom_.get(), into);
    CHECK(got && *got == into.size());
    return;
  }
  while (!into.empty()) {
    ssize_t n = call_(into.data(), into.size(), GRND_NONBLOCK);
    if (n < 0 && errno == EAGAIN) n = call_(into.data(), into.size(), GRND_INSECURE);
    if (n < 0 && errno == EINTR) continue;
    CHECK(n > 0);
    into = into.subspan(static_cast<usize>(n));
  }
}

}  // namespace pv::device
