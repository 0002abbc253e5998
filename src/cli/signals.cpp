#include "cli/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

namespace pv::cli {

bool ignored(int number) {
  struct sigaction action{};
  return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

Result<std::unique_ptr<Signals>> Signals::create(loop::EventLoop& loop, Handlers handlers) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  // A blocked signal is kept even where it is ignored, so those must not be blocked.
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGTSTP})
    if (!ignored(number)) ::sigaddset(&wanted, number);
  for (const int number : {SIGWINCH, SIGCONT}) ::sigaddset(&wanted, number);
  Fd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid())
    return fail_errno("cannot receive signals (signalfd)", errno,
                      "the host kernel needs CONFIG_SIGNALFD");
  sigset_t before;
  ::sigaddset(&wanted, SIGPIPE);
  ::sigaddset(&wanted, SIGXFSZ);
  ::pthread_sigmask(SIG_BLOCK, &wanted, &before);
  std::unique_ptr<Signals> signals(new Signals(loop, std::move(handlers), before, std::move(fd)));
  Signals* raw = signals.get();
  TRY(loop.watch(raw->fd_.get(), [raw] { raw->ready(); }));
  return signals;
}

Signals::~Signals() {
  loop_.unwatch(fd_.get());
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
  }
  // One of these may have come while nobody looked, from the last write to a reader that has gone:
  // let in now it would end the process in place of the run's own exit status.
  for (const int number : {SIGPIPE, SIGXFSZ}) ::sigaddset(&before_, number);
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Signals::ready() {
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
    switch (info.ssi_signo) {
      case SIGWINCH: handlers_.resized(); break;
      case SIGTSTP: handlers_.suspend(); break;
      case SIGCONT: handlers_.continued(); break;
      default: handlers_.stop(static_cast<int>(info.ssi_signo)); break;
    }
  }
}

}  // namespace pv::cli
