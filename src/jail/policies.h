// What each kind of thread may ask of the kernel after the seal, and why. One list; system calls
// that an architecture does not have vanish from it (syscalls.h).
//
// The threads share one address space and one table of descriptors: a thread's own list is a
// second fence, the outer one is the sum of the three. What no thread may do is the point of it:
// open, execute, connect, trace, map executable memory, signal another process.
// Absent on purpose: io_uring_setup and io_uring_register (a ring can do what the filter forbids:
// rings are made and restricted before the seal; afterwards the engine sees ENOSYS and uses
// threads).
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <cerrno>

#include "jail/program.h"
#include "jail/terminal.h"

namespace pv::jail {
namespace detail {

template <usize... sizes>
consteval auto concatenated(const std::array<Rule, sizes>&... parts) {
  std::array<Rule, (sizes + ... + 0)> all{};
  usize n = 0;
  auto append = [&](const auto& part) {
    for (const Rule& rule : part) all[n++] = rule;
  };
  (append(parts), ...);
  return all;
}

// What glibc's pthread_create asks of clone, without and with the flag that old libraries add.
constexpr u32 thread_flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND |
                             CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID |
                             CLONE_CHILD_CLEARTID;
constexpr u32 clone_detached = 0x0040'0000;

// The C and C++ libraries' needs in any thread: memory, locks, signals, clocks, ending.
inline constexpr auto library_rules = std::to_array<Rule>({
    allow(PV_CALL(brk)),
    allow_without(PV_CALL(mmap), 2, PROT_EXEC),
    allow_without(PV_CALL(mmap2), 2, PROT_EXEC),
    allow_without(PV_CALL(mprotect), 2, PROT_EXEC),
    allow(PV_CALL(munmap)),
    allow(PV_CALL(mremap)),
    allow(PV_CALL(madvise)),
    allow(PV_CALL(futex)),
    allow(PV_CALL(futex_time64)),
    allow(PV_CALL(set_robust_list)),
    allow(PV_CALL(rseq)),
    allow(PV_CALL(sched_yield)),
    allow(PV_CALL(sched_getaffinity)),  // malloc asks how many arenas are worth while
    allow(PV_CALL(getrandom)),
    allow(PV_CALL(rt_sigprocmask)),
    allow(PV_CALL(rt_sigreturn)),
    allow(PV_CALL(sigreturn)),
    allow(PV_CALL(sigaltstack)),
    allow(PV_CALL(restart_syscall)),
    allow(PV_CALL(getpid)),
    allow(PV_CALL(gettid)),
    allow(PV_CALL(getpgrp)),  // whose turn it is at the terminal, asked before restoring it
    allow(PV_CALL(getpgid)),
    allow_own_pid(PV_CALL(tgkill), 0),  // kicking a vCPU, abort()
    allow(PV_CALL(clock_gettime)),      // where the vDSO cannot answer
    allow(PV_CALL(clock_gettime64)),
    allow(PV_CALL(clock_getres)),
    allow(PV_CALL(clock_getres_time64)),
    allow(PV_CALL(gettimeofday)),
    allow(PV_CALL(nanosleep)),
    allow(PV_CALL(clock_nanosleep)),
    allow(PV_CALL(clock_nanosleep_time64)),
    allow(PV_CALL(exit)),
    allow(PV_CALL(exit_group)),
    // malloc reads /proc/sys/vm/overcommit_memory when an arena shrinks and does without; our own
    // code reports the refusal like any file that cannot be opened.
    refuse(PV_CALL(openat), EACCES),
    refuse(PV_CALL(open), EACCES),
});

// The least that can be done with descriptors that exist already.
inline constexpr auto stream_rules = std::to_array<Rule>({
    allow(PV_CALL(read)),
    allow(PV_CALL(write)),
    allow(PV_CALL(pread64)),
    allow(PV_CALL(close)),
    allow(PV_CALL(poll)),
    allow(PV_CALL(ppoll)),
    allow(PV_CALL(ppoll_time64)),
});

// Talking over a socket that is connected already.
inline constexpr auto socket_rules = std::to_array<Rule>({
    allow(PV_CALL(recv)),
    allow(PV_CALL(recvfrom)),
    allow(PV_CALL(send)),
    allow(PV_CALL(sendto)),
});

// I/O on files; devices do it wherever their registers are touched.
inline constexpr auto file_rules = std::to_array<Rule>({
    allow(PV_CALL(readv)),
    allow(PV_CALL(writev)),
    allow(PV_CALL(pwrite64)),
    allow(PV_CALL(preadv)),
    allow(PV_CALL(pwritev)),
    allow(PV_CALL(preadv2)),
    allow(PV_CALL(pwritev2)),
    allow(PV_CALL(lseek)),
    allow(PV_CALL(_llseek)),
    allow(PV_CALL(fsync)),
    allow(PV_CALL(fdatasync)),
    allow(PV_CALL(sync_file_range)),
    allow(PV_CALL(sync_file_range2)),
    allow(PV_CALL(fallocate)),
    allow(PV_CALL(fstat)),
    allow(PV_CALL(fstat64)),
    allow_with(PV_CALL(newfstatat), 3, AT_EMPTY_PATH),  // glibc's fstat
    allow_with(PV_CALL(fstatat64), 3, AT_EMPTY_PATH),
    allow_with(PV_CALL(statx), 2, AT_EMPTY_PATH),
    allow(PV_CALL(timerfd_settime)),
    allow(PV_CALL(timerfd_settime64)),
    allow(PV_CALL(epoll_ctl)),
    allow(PV_CALL(io_uring_enter)),
    refuse(PV_CALL(io_uring_setup), ENOSYS),
    refuse(PV_CALL(io_uring_register), EPERM),
});

// Starting a thread whose own filter comes on top. clone3 keeps its flags in memory, where no
// filter can see them; told that it does not exist, the C library uses clone.
inline constexpr auto thread_start_rules = std::to_array<Rule>({
    refuse(PV_CALL(clone3), ENOSYS),
    allow_one_of(PV_CALL(clone), 0, {thread_flags, thread_flags | clone_detached}),
    allow_one_of(PV_CALL(prctl), 0, {PR_SET_NAME, PR_SET_NO_NEW_PRIVS}),
    allow_one_of(PV_CALL(seccomp), 0, {SECCOMP_SET_MODE_FILTER}),
});

// A thread that starts none; who tries is told that there is no room for another.
inline constexpr auto no_thread_rules = std::to_array<Rule>({
    refuse(PV_CALL(clone3), ENOSYS),
    refuse(PV_CALL(clone), EAGAIN),
    allow_one_of(PV_CALL(prctl), 0, {PR_SET_NAME}),
});

// The C library's own two signals, for which the first pthread_create installs a handler.
inline constexpr auto library_signal_rules = std::to_array<Rule>({
    allow_one_of(PV_CALL(rt_sigaction), 0, {32, 33}),
});

inline constexpr auto loop_only_rules = std::to_array<Rule>({
    // A terminal that we come to late (`fg`) is given its rescue then. Replacing the handler of
    // SIGSYS silences a violation, it does not allow the call.
    allow(PV_CALL(rt_sigaction)),
    allow_own_pid(PV_CALL(kill), 0),  // Ctrl-z: SIGSTOP to the whole process
    allow(PV_CALL(epoll_wait)), allow(PV_CALL(epoll_pwait)), allow(PV_CALL(epoll_pwait2)),
    allow(PV_CALL(timerfd_gettime)), allow(PV_CALL(timerfd_gettime64)),
    allow_one_of(PV_CALL(fcntl), 1, {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC}),
    allow_one_of(PV_CALL(fcntl64), 1, {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC}),
    // The control socket: it listens already, its clients are ours.
    allow(PV_CALL(accept4)), allow(PV_CALL(recvmsg)), allow(PV_CALL(sendmsg)),
    allow(PV_CALL(shutdown)), allow(PV_CALL(getsockopt)),
    allow(PV_CALL(unlinkat)),  // the socket's own name at the end; Landlock says in which folder
    allow(PV_CALL(getrusage)),
    allow(PV_CALL(mincore)),  // a search of guest RAM passes over what nothing has touched
    allow(PV_CALL(riscv_flush_icache)),  // a debugger's breakpoints are instructions
});

// The process beside the VM that asks it for signs of life: it talks on one socket, writes to
// standard error, and may end the VM, of whose process it holds a pidfd from before.
inline constexpr auto watchdog_only_rules = std::to_array<Rule>({
    allow(PV_CALL(pidfd_send_signal)),
});

inline constexpr auto loop_rules = concatenated(library_rules, stream_rules, file_rules,
                                                socket_rules, thread_start_rules, loop_only_rules);
inline constexpr auto vcpu_rules =
    concatenated(library_rules, stream_rules, file_rules, no_thread_rules, library_signal_rules);
inline constexpr auto watchdog_rules =
    concatenated(library_rules, stream_rules, socket_rules, watchdog_only_rules, no_thread_rules);
inline constexpr auto worker_rules = vcpu_rules;

}  // namespace detail

// The event loop's thread, which is also main's.
inline constexpr Policy loop_policy{Role::loop, detail::loop_rules};
// A thread that runs a virtual CPU and the devices that the guest touches from it.
inline constexpr Policy vcpu_policy{Role::vcpu, detail::vcpu_rules};
// A thread that does blocking file I/O.
inline constexpr Policy worker_policy{Role::worker, detail::worker_rules};
// The one thread of the watchdog's process.
inline constexpr Policy watchdog_policy{Role::watchdog, detail::watchdog_rules};

}  // namespace pv::jail
