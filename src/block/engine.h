// Engine: asynchronous I/O on a raw image. The caller submits operations, is told that some have
// finished, and takes the completions; nothing here blocks but drain().
//
// One caller at a time uses an engine (a device, under its mutex). The callback that announces
// completions comes on the event loop's thread without any lock.
//
//   ThreadEngine  one worker thread; reads that the page cache holds are answered at once
//   UringEngine   io_uring; operations it does not do itself go to a ThreadEngine
// docs/decisions/ has the comparison that chose the default.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/types.h"
#include "block/image.h"
#include "loop/event_loop.h"

namespace pv::block {

struct Operation {
  enum class Kind : u8 { read, write, flush, discard, write_zeroes };
  Kind kind = Kind::read;
  // write: stable when it completes. write_zeroes: may free the space.
  bool durable = false;
  bool may_unmap = false;
  u64 offset = 0;  // bytes
  u64 length = 0;  // bytes; of a read or write the sum of the buffers
  // The array and what it points to stay as they are until completion.
  std::span<const iovec> buffers{};
  u32 token = 0;  // the caller's; comes back in the Completion
};

struct Completion {
  u32 token = 0;
  int error = 0;  // 0 or an errno value; EOPNOTSUPP: the host cannot do this kind here
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view name() const = 0;

  // `ready` is called whenever completions wait to be taken; once, before the first submit().
  virtual void on_ready(std::function<void()> ready) = 0;

  // `first` runs at the start of each thread that the engine makes (to seal it); likewise once.
  virtual void on_thread(std::function<void()> first) { static_cast<void>(first); }

  // Takes an operation; on the event loop's thread. Operations may finish in any order.
  virtual void submit(const Operation& operation) = 0;
  // Starts what was submitted since the last commit().
  virtual void commit() = 0;
  // Appends what has finished.
  virtual void take(std::vector<Completion>& into) = 0;
  // Waits until nothing is in flight; the completions still have to be taken. Any thread.
  virtual void drain() = 0;
  // The same for one who has no use for the results: what has not begun or not ended after
  // `patience` is dropped and completes with ECANCELED. A guest can ask for more than a disk does
  // in minutes.
  virtual void abandon(std::chrono::milliseconds patience) = 0;
};

// automatic: io_uring for direct I/O, a thread behind the page cache.
enum class EngineKind : u8 { automatic, thread, uring };

// On the loop's thread, or before it runs. A ring is made here, so that it precedes the seal; a
// thread comes with the first operation that waits. The image and the loop outlive the engine; the
// loop has stopped when it is destroyed. Where a ring was wanted and cannot be had, the log says
// so and the engine is a ThreadEngine.
std::unique_ptr<Engine> create_engine(EngineKind kind, const RawImage& image, loop::EventLoop& loop,
                                      Log& log);

}  // namespace pv::block
