#include "loop/event_loop.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>

namespace pv::loop {

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid())
    return fail_errno("cannot create an event loop (epoll)", errno,
                      "the host kernel needs CONFIG_EPOLL");
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid())
    return fail_errno("cannot create an eventfd", errno, "the host kernel needs CONFIG_EVENTFD");
  std::unique_ptr<EventLoop> loop(new EventLoop(std::move(epoll), std::move(wake)));
  EventLoop* raw = loop.get();
  TRY(loop->watch(loop->wake_.get(), [raw] {
    u64 count;
    [[maybe_unused]] ssize_t n = ::read(raw->wake_.get(), &count, sizeof count);
  }));
  return loop;
}

EventLoop::~EventLoop() = default;

Result<void> EventLoop::watch(int fd, u32 epoll_events, Callback ready) {
  auto watch = std::make_shared<Watch>(Watch{fd, std::move(ready)});
  epoll_event event{};
  event.events = epoll_events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0)
    return fail_errno("cannot watch a descriptor", errno);
  watches_[fd] = std::move(watch);
  return {};
}

void EventLoop::unwatch(int fd) {
  if (watches_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::Timer::arm(std::chrono::nanoseconds after) {
  i64 ns = after.count() > 0 ? after.count() : 1;
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
  spec.it_value.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  ::timerfd_settime(fd_.get(), 0, &spec, nullptr);
}

void EventLoop::Timer::cancel() {
  itimerspec spec{};
  ::timerfd_settime(fd_.get(), 0, &spec, nullptr);
}

Result<std::unique_ptr<EventLoop::Timer>> EventLoop::timer(Callback expired) {
  auto timer = std::make_unique<Timer>();
  timer->fd_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer->fd_.valid())
    return fail_errno("cannot create a timer (timerfd)", errno,
                      "the host kernel needs CONFIG_TIMERFD");
  int fd = timer->fd_.get();
  TRY(watch(fd, [fd, expired = std::move(expired)] {
    u64 count;
    if (::read(fd, &count, sizeof count) == sizeof count) expired();
  }));
  return timer;
}

void EventLoop::post(Callback task) {
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
    if (posted_.size() > 1) return;  // a wake-up is already under way
  }
  u64 one = 1;
  [[maybe_unused]] ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

void EventLoop::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  u64 one = 1;
  [[maybe_unused]] ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

void EventLoop::run_posted() {
  std::vector<Callback> tasks;
  {
    std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

Result<void> EventLoop::run() {
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return {};
    }
    epoll_event events[16];
    int n = ::epoll_wait(epoll_.get(), events, 16, -1);
    if (n < 0 && errno != EINTR) return fail_errno("epoll_wait", errno);
    for (int i = 0; i < n; ++i) {
      auto found = watches_.find(events[i].data.fd);
      if (found == watches_.end()) continue;  // unwatched by an earlier callback of this round
      std::shared_ptr<Watch> watch = found->second;
      watch->ready();
    }
    run_posted();
  }
}

}  // namespace pv::loop
