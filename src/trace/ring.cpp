#include "trace/ring.h"

#include <algorithm>
#include <cstring>

namespace pv::trace {

void Ring::copy_in(usize at, Bytes bytes) {
  const usize start = at & (size_ - 1);
  const usize first = std::min(bytes.size(), size_ - start);
  std::memcpy(bytes_.get() + start, bytes.data(), first);
  if (first != bytes.size()) std::memcpy(bytes_.get(), bytes.data() + first, bytes.size() - first);
}

bool Ring::put(const Record& record, std::span<const StepRegister> behind) {
  usize head = head_.load(std::memory_order_relaxed);
  const usize used = head - tail_.load(std::memory_order_acquire);
  const usize needed = sizeof record + behind.size_bytes() + (unsaid_ != 0 ? sizeof(Record) : 0);
  if (needed > size_ - used) {
    ++unsaid_;
    lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return false;
  }
  const auto add = [&](const void* data, usize size) {
    copy_in(head, {static_cast<const u8*>(data), size});
    head += size;
  };
  if (unsaid_ != 0) {
    Record gap{};
    gap.time_ns = record.time_ns;
    gap.value = unsaid_;
    gap.cause = static_cast<u8>(Cause::lost);
    gap.flags = has_value;
    gap.vcpu = record.vcpu;
    add(&gap, sizeof gap);
    unsaid_ = 0;
  }
  add(&record, sizeof record);
  if (!behind.empty()) add(behind.data(), behind.size_bytes());
  head_.store(head, std::memory_order_release);
  return true;
}

void Ring::take(std::vector<u8>& into) {
  const usize tail = tail_.load(std::memory_order_relaxed);
  const usize size = head_.load(std::memory_order_acquire) - tail;
  if (size == 0) return;
  const usize start = tail & (size_ - 1);
  const usize first = std::min(size, size_ - start);
  into.insert(into.end(), bytes_.get() + start, bytes_.get() + start + first);
  into.insert(into.end(), bytes_.get(), bytes_.get() + (size - first));
  tail_.store(tail + size, std::memory_order_release);
}

}  // namespace pv::trace
