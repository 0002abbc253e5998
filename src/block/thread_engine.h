// ThreadEngine: one worker thread that carries out operations in order with ordinary system calls.
// It works on every host. A read that the page cache can answer is done by the submitter with
// preadv2(RWF_NOWAIT): no thread is woken, and none exists before the first operation that waits.
// A flush holds up the operations behind it. Where no thread can be made, the submitter waits.
//
// System calls: submitter preadv2, clone3 (once), futex; worker preadv, pwritev, fdatasync,
// fallocate, futex, and whatever posting to the executor takes (write on an eventfd).
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "block/engine.h"
#include "loop/executor.h"

namespace pv::block {

class ThreadEngine final : public Engine {
 public:
  // `executor` runs the callback of on_ready(), and never inside post().
  ThreadEngine(const RawImage& image, loop::Executor& executor)
      : image_(image), executor_(executor) {}
  ~ThreadEngine() override;

  std::string_view name() const override { return "thread"; }
  void on_ready(std::function<void()> ready) override { ready_ = std::move(ready); }
  void on_thread(std::function<void()> first) override { first_ = std::move(first); }
  void submit(const Operation& operation) override;
  void commit() override;
  void take(std::vector<Completion>& into) override;
  void drain() override;
  void abandon(std::chrono::milliseconds patience) override;

 private:
  // What is copied from the page cache on the submitter's thread, which others wait for.
  static constexpr u64 cached_read = 256 * 1024;
  static constexpr u64 cached_budget = 4 * 1024 * 1024;  // between two calls of take()

  static void* run(void* engine);
  void work();
  bool start();

  const RawImage& image_;
  loop::Executor& executor_;
  std::function<void()> ready_;
  std::function<void()> first_;
  // The submitter's own.
  std::vector<Operation> collected_;
  std::vector<Completion> at_once_;
  bool try_cache_ = true;
  u64 cached_ = 0;
  bool started_ = false;
  pthread_t thread_{};
  // Shared with the worker.
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable idle_;
  std::vector<Operation> waiting_;
  std::vector<Completion> done_;
  bool busy_ = false;       // the worker has operations that are not in waiting_
  bool announced_ = false;  // a task that calls ready_ is under way
  bool stopping_ = false;
  std::atomic<bool> abandoned_{false};
};

}  // namespace pv::block
