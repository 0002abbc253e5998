// Uring: a submission and a completion ring of io_uring by its three system calls (Linux
// Documentation, io_uring(7); <linux/io_uring.h>). One thread at a time.
//
// A ring could do what a seccomp filter forbids (open, connect), so it is restricted for good to
// the operations named at its creation, before the process seals itself. Needs Linux 5.10.
//
// No task-run flags (COOP_TASKRUN, DEFER_TASKRUN) are set on purpose: wait() may be called while
// the thread that submitted waits for a lock, and the kernel must still be able to finish.
#pragma once

#include <linux/io_uring.h>

#include <span>

#include "base/fd.h"
#include "base/result.h"
#include "base/types.h"

namespace pv::block {

class Uring {
 public:
  // `operations`: the IORING_OP_* that the ring will accept.
  // Errors: the host has no io_uring, forbids it, or cannot restrict it.
  static Result<Uring> create(u32 entries, std::span<const u8> operations);

  Uring(Uring&& other) noexcept;
  Uring& operator=(Uring&&) = delete;
  ~Uring();

  // Readable while completions wait.
  int fd() const { return fd_.get(); }
  // A zeroed entry to fill in; nullptr when the ring is full: commit() first.
  io_uring_sqe* prepare();
  // Hands over what was prepared; returns 0 or an errno value. On error the rest stays prepared.
  int commit();
  // Undoes the last prepare() that was not handed over; false: there is none.
  bool take_back(u64& user_data);
  // Returns when at least one completion waits (or at once on an error).
  void wait();
  // The next completion; false: none.
  bool next(u64& user_data, i32& result);

 private:
  Uring() = default;
  Result<void> map_rings();
  Result<void> restrict_to(std::span<const u8> operations);
  u32* sq(u32 offset) const { return reinterpret_cast<u32*>(rings_ + offset); }
  u32* cq(u32 offset) const { return reinterpret_cast<u32*>(rings_ + offset); }

  Fd fd_;
  io_uring_params params_{};
  u8* rings_ = nullptr;
  usize rings_size_ = 0;
  io_uring_sqe* entries_ = nullptr;
  usize entries_size_ = 0;
  u32 tail_ = 0;       // ours: entries prepared
  u32 committed_ = 0;  // of these, handed over
};

}  // namespace pv::block
