#include "cli/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace pv::cli {
namespace {

// What a handler of a fatal signal needs and cannot be handed: the one exception to "no globals".
struct Rescue {
  int fd;
  termios saved;
};
Rescue rescue_state;
std::atomic<int> rescue_armed{0};  // an int: powerpc has no lock-free bytes
static_assert(std::atomic<int>::is_always_lock_free);

// In the background a change of the modes would halt the process (SIGTTOU).
bool may_change(int fd) {
  const pid_t group = ::tcgetpgrp(fd);
  // A terminal that is not the controlling one has no jobs.
  return group < 0 || group == ::getpgrp();
}

// Async-signal-safe.
void rescue_now() {
  if (rescue_armed.exchange(0) != 0 && may_change(rescue_state.fd))
    ::tcsetattr(rescue_state.fd, TCSANOW, &rescue_state.saved);
}

void on_fatal_signal(int number) {
  rescue_now();
  // The default action is back in place (SA_RESETHAND): this ends the process as it would have.
  ::raise(number);
}

// Signals whose handling somebody else has taken over stay theirs.
void install_rescue() {
  static bool at_exit = false;
  if (!at_exit) at_exit = std::atexit(rescue_now) == 0;
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGQUIT,
                           SIGUSR1, SIGUSR2, SIGALRM}) {
    struct sigaction current{};
    if (::sigaction(number, nullptr, &current) < 0 || current.sa_handler != SIG_DFL) continue;
    struct sigaction ours{};
    ours.sa_handler = on_fatal_signal;
    ours.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    ::sigaction(number, &ours, nullptr);
  }
}

termios make_raw(termios mode) {
  mode.c_iflag &= ~tcflag_t{BRKINT | ICRNL | IGNCR | INLCR | INPCK | ISTRIP | IXON | PARMRK};
  mode.c_lflag &= ~tcflag_t{ECHO | ECHONL | ICANON | IEXTEN | ISIG};
  mode.c_cflag = (mode.c_cflag & ~tcflag_t{CSIZE | PARENB}) | CS8;
  mode.c_cc[VMIN] = 1;
  mode.c_cc[VTIME] = 0;
  return mode;
}

}  // namespace

Terminal::Terminal(int fd) : fd_(fd), is_terminal_(::isatty(fd) == 1) {}

bool Terminal::foreground() const { return may_change(fd_); }

bool Terminal::enter_raw() {
  if (raw_) return true;
  if (!is_terminal_ || !foreground() || ::tcgetattr(fd_, &saved_) < 0) return false;
  install_rescue();
  rescue_state = {fd_, saved_};
  rescue_armed.store(1);
  const termios mode = make_raw(saved_);
  raw_ = ::tcsetattr(fd_, TCSANOW, &mode) == 0;
  if (!raw_) rescue_armed.store(0);
  return raw_;
}

bool Terminal::reenter_raw() {
  if (!raw_) return enter_raw();
  if (!foreground()) return false;
  // What was saved at first stays what is restored at last.
  const termios mode = make_raw(saved_);
  return ::tcsetattr(fd_, TCSANOW, &mode) == 0;
}

void Terminal::restore() {
  if (!raw_) return;
  raw_ = false;
  rescue_armed.store(0);
  if (foreground()) ::tcsetattr(fd_, TCSANOW, &saved_);
}

std::optional<Terminal::Size> Terminal::size() const {
  winsize window{};
  if (!is_terminal_ || ::ioctl(fd_, TIOCGWINSZ, &window) < 0) return std::nullopt;
  if (window.ws_row == 0 || window.ws_col == 0) return std::nullopt;
  return Size{window.ws_row, window.ws_col};
}

void Terminal::rescue() { rescue_now(); }

}  // namespace pv::cli
