#include "device/host_ports.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace pv::device {
namespace {

u64 read_clock(clockid_t clock) {
  timespec time{};
  CHECK(clock_gettime(clock, &time) == 0);
  return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

bool is_regular(int fd) {
  struct stat info{};
  return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

bool is_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

}  // namespace

u64 HostClock::wall_ns() { return read_clock(CLOCK_REALTIME); }
u64 HostClock::monotonic_ns() { return read_clock(CLOCK_MONOTONIC); }

Result<std::unique_ptr<HostEntropy>> HostEntropy::create() {
  u8 probe;
  Fd urandom;
  if (getrandom(&probe, sizeof probe, GRND_NONBLOCK) != 1)
    urandom = TRY(open_file("/dev/urandom", O_RDONLY), "random numbers");
  return std::unique_ptr<HostEntropy>(new HostEntropy(std::move(urandom)));
}

// Both sources were seen to work and do not fail later; predictable bytes would be worse than none.
void HostEntropy::fill(MutableBytes into) {
  if (urandom_.valid()) {
    const auto got = read_fully(urandom_.get(), into);
    CHECK(got && *got == into.size());
    return;
  }
  while (!into.empty()) {
    const ssize_t n = getrandom(into.data(), into.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    CHECK(n > 0);
    into = into.subspan(static_cast<usize>(n));
  }
}

FdSink::FdSink(int fd, Buffering buffering, u32 patience_ms)
    : fd_(fd),
      buffering_(buffering),
      patience_ms_(patience_ms),
      poll_first_(!is_regular(fd) && !is_nonblocking(fd)) {}

// After POLLOUT a pipe takes PIPE_BUF bytes, a terminal or socket at least as many as kept_ holds.
// Signals (a vCPU being kicked) interrupt the wait but must not cost output.
bool FdSink::wait_for_room() {
  pollfd wait{fd_, POLLOUT, 0};
  int ready = poll(&wait, 1, 0);
  if (ready == 0 && !stalled_) {
    const u64 deadline = read_clock(CLOCK_MONOTONIC) + u64{1'000'000} * patience_ms_;
    for (u64 now = 0; ready <= 0 && (now = read_clock(CLOCK_MONOTONIC)) < deadline;)
      ready = poll(&wait, 1, static_cast<int>((deadline - now) / 1'000'000 + 1));
  }
  stalled_ = ready <= 0;
  return !stalled_;
}

void FdSink::put(Bytes bytes) {
  while (!bytes.empty() && !broken_) {
    if (poll_first_ && !wait_for_room()) break;
    const ssize_t n = ::write(fd_, bytes.data(), std::min(bytes.size(), kept_.size()));
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<usize>(n));
    } else if (errno == EAGAIN) {
      if (!wait_for_room()) break;
    } else if (errno != EINTR) {
      broken_ = true;
    }
  }
  dropped_ += bytes.size();
}

void FdSink::flush_locked() {
  const usize size = std::exchange(kept_size_, 0);
  if (size != 0) put(Bytes(kept_).first(size));
}

void FdSink::write(Bytes bytes) {
  std::lock_guard lock(mutex_);
  if (buffering_ == Buffering::none) return put(bytes);
  for (u8 byte : bytes) {
    kept_[kept_size_++] = byte;
    if (byte == '\n' || kept_size_ == kept_.size()) flush_locked();
  }
}

void FdSink::flush() {
  std::lock_guard lock(mutex_);
  flush_locked();
}

u64 FdSink::take_dropped() {
  std::lock_guard lock(mutex_);
  return std::exchange(dropped_, 0);
}

}  // namespace pv::device
