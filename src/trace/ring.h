// Ring: the records of one vCPU between its thread, which puts, and the loop's thread, which takes.
// Neither ever waits for the other: what does not fit is dropped and counted, and the count becomes
// a record of its own as soon as there is room.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "trace/format.h"

namespace pv::trace {

class Ring {
 public:
  // `size` in bytes, a power of two.
  explicit Ring(usize size) : size_(size), bytes_(std::make_unique_for_overwrite<u8[]>(size)) {}

  // The producer's: a record and what follows it. False: dropped.
  bool put(const Record& record, std::span<const StepRegister> behind = {});
  // The consumer's: appends everything that is there, whole records, to `into`.
  void take(std::vector<u8>& into);
  // Records dropped so far; any thread.
  usize lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  void copy_in(usize at, Bytes bytes);

  usize size_;
  std::unique_ptr<u8[]> bytes_;
  std::atomic<usize> head_{0};  // the producer's: bytes put, ever (wraps)
  std::atomic<usize> tail_{0};  // the consumer's: bytes taken, ever (wraps)
  std::atomic<usize> lost_{0};
  u64 unsaid_ = 0;  // the producer's: losses of which no record tells yet
};

}  // namespace pv::trace
