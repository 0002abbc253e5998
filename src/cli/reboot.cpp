#include "cli/reboot.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "cli/command.h"
#include "cli/exit_status.h"
#include "cli/signals.h"

namespace pv::cli {
namespace {

constexpr int ending_signals[] = {SIGTERM, SIGHUP, SIGINT};

// What tells a boot's process that its parent has gone: preferably a signal that ends it in order.
int orphan_signal() {
  for (const int number : ending_signals)
    if (!ignored(number)) return number;
  return SIGKILL;
}

// Makes this process end when `parent` does. False: it has ended already, and nobody will tell.
bool follow(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, orphan_signal());
  return ::getppid() == parent;
}

Result<RunOutcome> stopped() {
  print(STDERR_FILENO, "polyvisor: the run was ended from outside.\n");
  return RunOutcome{to_int(ExitStatus::stopped)};
}

}  // namespace

Boots::Boots() {
  // Where SIGCHLD is ignored nobody is told of a child's end, nor what it ended with.
  if (ignored(SIGCHLD)) ::signal(SIGCHLD, SIG_DFL);
  ::sigemptyset(&signals_);
  ::sigaddset(&signals_, SIGCHLD);
  // A blocked signal is kept even where it is ignored, so those must not be blocked.
  for (const int number : ending_signals)
    if (!ignored(number)) ::sigaddset(&signals_, number);
  ::sigprocmask(SIG_BLOCK, &signals_, &before_);
}

Boots::~Boots() {
  if (!parent_) return;  // the mask was given back; and a sealed process may not ask like this
  const timespec now{};
  while (::sigtimedwait(&signals_, nullptr, &now) > 0) {
  }
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

// Waits for the child and hands on the signals that would end this process; `stopping` tells that
// there was one.
Result<int> Boots::wait_for(pid_t child, bool& stopping) const {
  for (;;) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) return status;
    const int number = ::sigwaitinfo(&signals_, nullptr);
    if (number > 0 && number != SIGCHLD) {
      stopping = true;
      ::kill(child, number);
    }
    if (number < 0 && errno != EINTR)
      return fail_errno("cannot wait for the guest's process", errno);
  }
}

Result<RunOutcome> Boots::run(const std::function<Result<RunOutcome>()>& boot) {
  termios modes;
  const bool terminal = ::tcgetattr(STDIN_FILENO, &modes) == 0;
  const pid_t parent = ::getpid();
  for (;;) {
    const pid_t child = ::fork();
    if (child < 0) return fail_errno("cannot start a process for the guest", errno);
    if (child == 0) {
      parent_ = false;
      if (!follow(parent)) return RunOutcome{to_int(ExitStatus::stopped)};
      ::sigprocmask(SIG_SETMASK, &before_, nullptr);
      return boot();
    }
    bool stopping = false;
    const int status = TRY(wait_for(child, stopping));
    // The child may have been too young to handle the signal, or may just have reset itself.
    if (stopping && (WIFSIGNALED(status) ? ::sigismember(&signals_, WTERMSIG(status)) == 1
                                         : WEXITSTATUS(status) == to_int(ExitStatus::reset)))
      return stopped();
    // A child that was killed could not give the terminal back.
    if (WIFSIGNALED(status) && terminal) ::tcsetattr(STDIN_FILENO, TCSANOW, &modes);
    if (WIFSIGNALED(status))
      return fail(Error::Kind::host, text("the guest's process was killed by signal {} ({})",
                                          WTERMSIG(status), ::strsignal(WTERMSIG(status))));
    if (WEXITSTATUS(status) != to_int(ExitStatus::reset)) return RunOutcome{WEXITSTATUS(status)};
  }
}

}  // namespace pv::cli
