// What stands between a serial port and its file where the user asks for more than bytes: the time
// before each line, and lines as messages to the system's log.
#pragma once

#include <string>

#include "device/ports.h"

namespace pv::cli {

// Begins each line with "[2024-01-31T12:00:00.000Z] ", the time of its first byte.
class TimestampSink final : public device::CharSink {
 public:
  // Both outlive it.
  TimestampSink(device::CharSink& out, device::Clock& clock) : out_(out), clock_(clock) {}
  void write(Bytes bytes) override;

 private:
  device::CharSink& out_;
  device::Clock& clock_;
  bool at_line_start_ = true;
  std::string buffer_;
};

// "[2024-01-31T12:00:00.000Z] " of nanoseconds since 1970 (proleptic Gregorian calendar, UTC).
std::string timestamp(u64 wall_ns);

// Writes each line as one message of RFC 3164 ("<14>TAG: line", facility user, level info), cut at
// `longest` bytes.
class SyslogSink final : public device::CharSink {
 public:
  static constexpr usize longest = 900;  // of the 1024 that a receiver must take

  // `out` takes one message in each write.
  SyslogSink(device::CharSink& out, std::string tag) : out_(out), tag_(std::move(tag)) {}
  ~SyslogSink() override { end_line(); }
  void write(Bytes bytes) override;

 private:
  void end_line();

  device::CharSink& out_;
  std::string tag_;
  std::string line_;
};

}  // namespace pv::cli
