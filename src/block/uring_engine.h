// UringEngine: reads, writes and flushes through io_uring; the event loop watches the ring. What
// io_uring cannot do as it is - discards, buffers unfit for direct I/O, writes that must be stable
// at once, what came back short - is handed to a ThreadEngine. When the ring cannot be made, all is.
//
// System calls: submitter io_uring_setup, mmap (once), io_uring_enter, epoll_ctl (once); whoever
// drains io_uring_enter; besides those of ThreadEngine.
#pragma once

#include <memory>
#include <optional>

#include "block/engine.h"
#include "block/thread_engine.h"
#include "block/uring.h"

namespace pv::block {

class UringEngine final : public Engine {
 public:
  UringEngine(const RawImage& image, loop::EventLoop& loop, Log& log)
      : image_(image), loop_(loop), log_(log), helper_(image, loop) {}
  ~UringEngine() override;

  std::string_view name() const override { return "io_uring"; }
  void on_ready(std::function<void()> ready) override;
  void submit(const Operation& operation) override;
  void commit() override;
  void take(std::vector<Completion>& into) override;
  void drain() override;

 private:
  bool start();
  bool suits(const Operation& operation) const;
  void fill(io_uring_sqe& entry, const Operation& operation, u32 slot) const;
  void reap();
  void release(usize slot, i32 result);

  const RawImage& image_;
  loop::EventLoop& loop_;
  Log& log_;
  ThreadEngine helper_;
  std::function<void()> ready_;
  std::optional<Uring> ring_;
  bool refused_ = false;  // the ring could not be made
  std::vector<Operation> slots_;
  std::vector<u32> free_slots_;
  usize in_flight_ = 0;
  std::vector<Completion> done_;
};

}  // namespace pv::block
