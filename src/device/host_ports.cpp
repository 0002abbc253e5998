#include "device/host_ports.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace pv::device {
namespace {

u64 read_clock(clockid_t clock) {
  timespec time{};
  CHECK(clock_gettime(clock, &time) == 0);
  return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

}  // namespace

u64 HostClock::wall_ns() { return read_clock(CLOCK_REALTIME); }
u64 HostClock::monotonic_ns() { return read_clock(CLOCK_MONOTONIC); }

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
