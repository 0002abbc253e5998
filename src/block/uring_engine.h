// UringEngine: reads, writes and flushes through io_uring; the event loop watches the ring. What
// io_uring cannot do as it is - discards, buffers unfit for direct I/O, writes that must be stable
// at once, what came back short - is handed to a ThreadEngine.
//
// System calls: create() io_uring_setup, io_uring_register, mmap, epoll_ctl; submitter and whoever
// drains io_uring_enter; besides those of ThreadEngine.
#pragma once

#include <memory>

#include "block/engine.h"
#include "block/thread_engine.h"
#include "block/uring.h"

namespace pv::block {

class UringEngine final : public Engine {
 public:
  // On the loop's thread, or before it runs. Errors: no ring, see Uring.
  static Result<std::unique_ptr<UringEngine>> create(const RawImage& image, loop::EventLoop& loop);
  ~UringEngine() override;

  std::string_view name() const override { return "io_uring"; }
  void on_ready(std::function<void()> ready) override;
  void on_thread(std::function<void()> first) override { helper_.on_thread(std::move(first)); }
  void submit(const Operation& operation) override;
  void commit() override;
  void take(std::vector<Completion>& into) override;
  void drain() override;
  void abandon(std::chrono::milliseconds patience) override;

 private:
  UringEngine(const RawImage& image, loop::EventLoop& loop, Uring ring)
      : image_(image), loop_(loop), helper_(image, loop), ring_(std::move(ring)) {}
  bool suits(const Operation& operation) const;
  void fill(io_uring_sqe& entry, const Operation& operation, u32 slot) const;
  void reap();
  void release(usize slot, i32 result);

  const RawImage& image_;
  loop::EventLoop& loop_;
  ThreadEngine helper_;
  std::function<void()> ready_;
  Uring ring_;
  std::vector<Operation> slots_;
  std::vector<u32> free_slots_;
  usize in_flight_ = 0;
  std::vector<Completion> done_;
};

}  // namespace pv::block
