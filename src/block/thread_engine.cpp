#include "block/thread_engine.h"

#include <signal.h>

#include <utility>

#include "block/file_io.h"

namespace pv::block {

ThreadEngine::~ThreadEngine() {
  if (!started_) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  ::pthread_join(thread_, nullptr);
}

void ThreadEngine::submit(const Operation& operation) {
  if (operation.kind == Operation::Kind::read && try_cache_ && operation.length <= cached_read &&
      cached_ < cached_budget) {
    const Cached cached = read_cached(image_, operation);
    if (cached == Cached::done) {
      cached_ += operation.length;
      at_once_.push_back({operation.token, 0});
      return;
    }
    if (cached == Cached::not_here) try_cache_ = false;
  }
  collected_.push_back(operation);
}

bool ThreadEngine::start() {
  if (started_) return true;
  // Signals are for the threads that wait for them; but what the sandbox stops here is to be named.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigdelset(&all, SIGSYS);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  started_ = ::pthread_create(&thread_, nullptr, run, this) == 0;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started_;
}

void ThreadEngine::commit() {
  if (collected_.empty()) return;
  if (!start()) {
    for (const Operation& operation : collected_)
      at_once_.push_back({operation.token, perform(image_, operation, abandoned_)});
    collected_.clear();
    return;
  }
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    wake = waiting_.empty() && !busy_;
    waiting_.insert(waiting_.end(), collected_.begin(), collected_.end());
  }
  collected_.clear();
  if (wake) work_.notify_one();
}

void ThreadEngine::take(std::vector<Completion>& into) {
  into.insert(into.end(), at_once_.begin(), at_once_.end());
  at_once_.clear();
  cached_ = 0;
  if (!started_) return;
  std::lock_guard lock(mutex_);
  into.insert(into.end(), done_.begin(), done_.end());
  done_.clear();
  announced_ = false;
}

void ThreadEngine::drain() {
  commit();
  if (!started_) return;
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return waiting_.empty() && !busy_; });
}

void ThreadEngine::abandon(std::chrono::milliseconds patience) {
  commit();
  if (!started_) return;
  const auto idle = [&] { return waiting_.empty() && !busy_; };
  std::unique_lock lock(mutex_);
  if (idle_.wait_for(lock, patience, idle)) return;
  abandoned_ = true;
  idle_.wait(lock, idle);
  abandoned_ = false;
}

void* ThreadEngine::run(void* engine) {
  ThreadEngine& self = *static_cast<ThreadEngine*>(engine);
  if (self.first_) self.first_();
  self.work();
  return nullptr;
}

void ThreadEngine::work() {
  std::vector<Operation> batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;  // stopping, and nothing is left undone
    batch.swap(waiting_);
    busy_ = true;
    for (const Operation& operation : batch) {
      lock.unlock();
      const Completion completion{operation.token, perform(image_, operation, abandoned_)};
      lock.lock();
      done_.push_back(completion);
      if (!announced_) {
        announced_ = true;
        lock.unlock();
        executor_.post([this] { ready_(); });
        lock.lock();
      }
    }
    batch.clear();
    busy_ = false;
    if (waiting_.empty()) idle_.notify_all();
  }
}

}  // namespace pv::block
