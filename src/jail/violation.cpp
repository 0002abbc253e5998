#include "jail/violation.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "jail/syscalls.h"

namespace pv::jail {
namespace {

// The calls that a change to the monitor or to the C library is likely to add, and those that an
// attacker would want; any other is printed by its number.
constexpr Call names[] = {
    PV_CALL(access),
    PV_CALL(bind),
    PV_CALL(capset),
    PV_CALL(chdir),
    PV_CALL(chmod),
    PV_CALL(clone),
    PV_CALL(clone3),
    PV_CALL(close_range),
    PV_CALL(connect),
    PV_CALL(copy_file_range),
    PV_CALL(creat),
    PV_CALL(dup),
    PV_CALL(dup2),
    PV_CALL(dup3),
    PV_CALL(execve),
    PV_CALL(execveat),
    PV_CALL(epoll_create1),
    PV_CALL(epoll_wait),
    PV_CALL(epoll_pwait),
    PV_CALL(eventfd2),
    PV_CALL(faccessat),
    PV_CALL(faccessat2),
    PV_CALL(fcntl),
    PV_CALL(fcntl64),
    PV_CALL(flock),
    PV_CALL(fork),
    PV_CALL(ftruncate),
    PV_CALL(futex_waitv),
    PV_CALL(getcwd),
    PV_CALL(getdents64),
    PV_CALL(getegid),
    PV_CALL(geteuid),
    PV_CALL(getgid),
    PV_CALL(getppid),
    PV_CALL(getrusage),
    PV_CALL(getsockname),
    PV_CALL(getsockopt),
    PV_CALL(getuid),
    PV_CALL(inotify_init1),
    PV_CALL(io_uring_enter),
    PV_CALL(io_uring_register),
    PV_CALL(io_uring_setup),
    PV_CALL(ioctl),
    PV_CALL(kill),
    PV_CALL(listen),
    PV_CALL(mbind),
    PV_CALL(membarrier),
    PV_CALL(memfd_create),
    PV_CALL(mkdir),
    PV_CALL(mkdirat),
    PV_CALL(mlock),
    PV_CALL(mmap),
    PV_CALL(mmap2),
    PV_CALL(mount),
    PV_CALL(mprotect),
    PV_CALL(msync),
    PV_CALL(openat2),
    PV_CALL(pidfd_getfd),
    PV_CALL(pidfd_open),
    PV_CALL(pidfd_send_signal),
    PV_CALL(pipe2),
    PV_CALL(prctl),
    PV_CALL(prlimit64),
    PV_CALL(process_vm_readv),
    PV_CALL(process_vm_writev),
    PV_CALL(ptrace),
    PV_CALL(readlink),
    PV_CALL(readlinkat),
    PV_CALL(rename),
    PV_CALL(renameat2),
    PV_CALL(rmdir),
    PV_CALL(rt_sigaction),
    PV_CALL(rt_sigtimedwait),
    PV_CALL(sched_setaffinity),
    PV_CALL(sched_setscheduler),
    PV_CALL(seccomp),
    PV_CALL(select),
    PV_CALL(pselect6),
    PV_CALL(setsockopt),
    PV_CALL(setuid),
    PV_CALL(signalfd4),
    PV_CALL(socket),
    PV_CALL(socketpair),
    PV_CALL(stat),
    PV_CALL(statfs),
    PV_CALL(newfstatat),
    PV_CALL(statx),
    PV_CALL(symlinkat),
    PV_CALL(sysinfo),
    PV_CALL(tgkill),
    PV_CALL(timer_create),
    PV_CALL(timerfd_create),
    PV_CALL(tkill),
    PV_CALL(umask),
    PV_CALL(uname),
    PV_CALL(unlink),
    PV_CALL(unlinkat),
    PV_CALL(userfaultfd),
    PV_CALL(vfork),
    PV_CALL(wait4),
    PV_CALL(waitid),
};

// The only state that a signal handler can reach. Written once, before any thread is started.
constinit LastAct act_before_end = nullptr;

// A line without allocation, for the handler.
class Line {
 public:
  void add(std::string_view text) {
    usize n = std::min(text.size(), sizeof text_ - size_);
    std::memcpy(text_ + size_, text.data(), n);
    size_ += n;
  }
  void add(u32 value) {
    char digits[10];
    usize n = 0;
    do {
      digits[n++] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    std::reverse(digits, digits + n);
    add(std::string_view(digits, n));
  }
  void print() const {
    // Nobody is left to tell when this fails.
    [[maybe_unused]] ssize_t n = ::write(STDERR_FILENO, text_, size_);
  }

 private:
  char text_[160];
  usize size_ = 0;
};

void stopped(int, siginfo_t* info, void*) {
  // The filter puts the role where seccomp carries its 16 bits of data (seccomp(2), si_errno).
  u32 number = static_cast<u32>(info->si_syscall);
  std::string_view name = call_name(number);
  Line line;
  line.add("polyvisor: error: the sandbox stopped system call ");
  line.add(number);
  if (!name.empty()) {
    line.add(" (");
    line.add(name);
    line.add(")");
  }
  line.add(" in the ");
  line.add(role_name(static_cast<Role>(info->si_errno)));
  // With a terminal to restore it may be in raw mode.
  line.add(act_before_end != nullptr ? " thread\r\n" : " thread\n");
  line.print();
  if (act_before_end != nullptr) act_before_end();
  ::_exit(violation_status);
}

}  // namespace

std::string_view call_name(u32 number) {
  for (const Call& call : names)
    if (call.exists() && call.number == number) return call.name;
  return {};
}

std::string_view role_name(Role role) {
  switch (role) {
    case Role::loop: return "loop";
    case Role::vcpu: return "vCPU";
    case Role::worker: return "worker";
    case Role::watchdog: return "watchdog";
  }
  return "?";
}

void install_violation_handler(LastAct last_act) {
  act_before_end = last_act;
  struct sigaction action{};
  action.sa_sigaction = stopped;
  action.sa_flags = SA_SIGINFO;
  ::sigfillset(&action.sa_mask);
  ::sigaction(SIGSYS, &action, nullptr);
}

}  // namespace pv::jail
