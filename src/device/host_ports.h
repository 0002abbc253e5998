// The host's side of the ports in ports.h: its clocks, its random numbers, and a descriptor as the
// place where a serial port's output goes.
#pragma once

#include <array>
#include <memory>
#include <mutex>

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

// Writes to a descriptor: a terminal, a pipe, a file, a socket.
//
// It never blocks for good, because it is called with a device's mutex held. A reader that does
// not read slows the guest down at first: one write waits up to `patience_ms` for room. When that
// has passed the sink is stalled: output is dropped and counted without waiting, until the
// descriptor takes something again. A descriptor that fails (terminal gone, EPIPE: the process
// ignores SIGPIPE) drops everything from then on. The descriptor's flags are never changed: they
// are shared with the shell that started us.
//
// Buffering::line keeps characters until a newline or 512 of them, which saves a system call for
// each; whoever asks for it calls flush() within 10 ms (the tick that drains posted writes), before
// a pause and at the end.
class FdSink final : public CharSink {
 public:
  enum class Buffering : u8 { none, line };

  // The caller keeps `fd` open.
  explicit FdSink(int fd, Buffering buffering = Buffering::none, u32 patience_ms = 1000);

  void write(Bytes bytes) override;
  // Any thread. Cheap when nothing is kept.
  void flush();
  // How many bytes were dropped since the last call.
  u64 take_dropped();

 private:
  void put(Bytes bytes);
  bool wait_for_room();
  void flush_locked();

  int fd_;
  Buffering buffering_;
  u32 patience_ms_;
  bool poll_first_;  // a write could block
  bool stalled_ = false, broken_ = false;
  u64 dropped_ = 0;
  std::mutex mutex_;
  std::array<u8, 512> kept_;
  usize kept_size_ = 0;
};

}  // namespace pv::device
