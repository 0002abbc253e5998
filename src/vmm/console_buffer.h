// ConsoleBuffer: collects the guest's output so that a byte costs no system call. It is flushed
// when full, by the monitor's tick, before a pause and at the end.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <mutex>

#include "device/ports.h"

namespace pv::vmm {

class ConsoleBuffer final : public device::CharSink {
 public:
  // `wake` is called (by any thread) when the buffer stops being empty.
  ConsoleBuffer(device::CharSink& out, std::function<void()> wake)
      : out_(out), wake_(std::move(wake)) {}
  ~ConsoleBuffer() override { flush(); }

  void write(Bytes bytes) override;
  // Whether there was anything to write out.
  bool flush();
  u64 bytes_written() const { return total_.load(std::memory_order_relaxed); }

 private:
  void flush_locked();

  device::CharSink& out_;
  std::function<void()> wake_;
  std::mutex mutex_;
  std::array<u8, 4096> buffer_;
  usize used_ = 0;
  std::atomic<usize> total_{0};
};

}  // namespace pv::vmm
