#include "vmm/console_buffer.h"

#include <algorithm>
#include <cstring>

namespace pv::vmm {

void ConsoleBuffer::write(Bytes bytes) {
  bool was_empty;
  {
    std::lock_guard lock(mutex_);
    was_empty = used_ == 0;
    total_.fetch_add(bytes.size(), std::memory_order_relaxed);
    while (!bytes.empty()) {
      usize n = std::min(bytes.size(), buffer_.size() - used_);
      std::memcpy(buffer_.data() + used_, bytes.data(), n);
      used_ += n;
      bytes = bytes.subspan(n);
      if (used_ == buffer_.size()) flush_locked();
    }
    was_empty = was_empty && used_ != 0;
  }
  if (was_empty) wake_();
}

bool ConsoleBuffer::flush() {
  std::lock_guard lock(mutex_);
  bool any = used_ != 0;
  flush_locked();
  return any;
}

void ConsoleBuffer::flush_locked() {
  if (used_ == 0) return;
  out_.write({buffer_.data(), used_});
  used_ = 0;
}

}  // namespace pv::vmm
