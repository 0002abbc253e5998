// Counts of vCPU exits by cause. Each vCPU thread writes its own; the sum is read when they are
// parked or gone, or approximately while they run.
#pragma once

#include <array>
#include <atomic>
#include <string>

#include "hv/exit.h"

namespace pv::vmm {

class ExitStats {
 public:
  // The counters have one writer: a plain add, made visible to readers.
  void count(usize cause) {
    auto& counter = counts_[cause];
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  u64 operator[](usize cause) const { return counts_[cause].load(std::memory_order_relaxed); }

 private:
  // Not 64 bits: 32-bit hosts have no cheap atomics of that size.
  std::array<std::atomic<usize>, std::variant_size_v<hv::Exit>> counts_{};
};

}  // namespace pv::vmm
