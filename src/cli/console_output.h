// ConsoleOutput: the guest's output to standard output. A pipe, socket or terminal that takes
// nothing is waited for, but not for good: after `patience` output is dropped until there is room
// again. A reader that has gone ends the output; the VM runs on in either case.
#pragma once

#include <limits.h>

#include <chrono>

#include "base/log.h"
#include "device/ports.h"

namespace pv::cli {

class ConsoleOutput final : public device::CharSink {
 public:
  static constexpr std::chrono::milliseconds default_patience{2'000};

  // The descriptor stays the caller's and its flags as they are; log must live longer.
  ConsoleOutput(int fd, Log& log, std::chrono::milliseconds patience = default_patience);

  void write(Bytes bytes) override;  // by one thread at a time
  bool gone() const { return gone_; }

 private:
  bool wait_for_room();

  int fd_;
  Log& log_;
  int patience_ms_;
  bool may_block_ = false;    // ask for room before each write
  usize at_once_ = PIPE_BUF;  // how much can be written when there is room
  bool stalled_ = false;
  bool gone_ = false;
};

}  // namespace pv::cli
