// The policies' meaning, checked by the compiler too (static_assert): a cross build of this file
// proves another architecture's numbers and word order without running anything.
#include "jail/policies.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>

#include "jail/interpreter.h"

namespace pv::jail {
namespace {

constexpr u32 kvm_run[] = {0xae80};  // as kvm/ would hand it in
constexpr const Filter& loop = filter<loop_policy, terminal_ioctls>;
constexpr const Filter& vcpu = filter<vcpu_policy, kvm_run, terminal_ioctls>;
constexpr const Filter& worker = filter<worker_policy>;
constexpr const Filter& watchdog = filter<watchdog_policy>;
constexpr u32 own = 1234;

constexpr Verdict verdict(const Filter& filter, Call call, std::array<u64, 6> arguments = {}) {
  return interpret(filter, {call.number, arguments}, own);
}
// A call that this architecture does not have can be neither allowed nor forgotten.
constexpr bool allowed(const Filter& filter, Call call, std::array<u64, 6> arguments = {}) {
  return !call.exists() || verdict(filter, call, arguments).allowed();
}
constexpr bool trapped(const Filter& filter, Call call, std::array<u64, 6> arguments = {}) {
  return !call.exists() || verdict(filter, call, arguments).trapped();
}

constexpr u64 read_write = PROT_READ | PROT_WRITE;
constexpr u64 executable = PROT_READ | PROT_EXEC;

// Checked when this file is compiled, on every architecture.
static_assert(allowed(vcpu, PV_CALL(ioctl), {5, 0xae80}));
static_assert(trapped(vcpu, PV_CALL(ioctl), {5, 0xae81}));
static_assert(trapped(vcpu, PV_CALL(ioctl), {5, 0x5412}), "TIOCSTI types into the terminal");
static_assert(allowed(loop, PV_CALL(mprotect), {0, 4096, read_write}));
static_assert(trapped(loop, PV_CALL(mprotect), {0, 4096, executable}));
static_assert(allowed(loop, PV_CALL(tgkill), {own, 99, 34}));
static_assert(trapped(loop, PV_CALL(tgkill), {own + 1, 99, 9}));
static_assert(verdict(loop, PV_CALL(clone3)).refused(ENOSYS));
static_assert(verdict(worker, PV_CALL(openat)).refused(EACCES));
static_assert(trapped(watchdog, PV_CALL(ioctl), {5, 0xae80}));
static_assert(trapped(watchdog, PV_CALL(kill), {own + 1, 9}));
static_assert(trapped(worker, PV_CALL(pidfd_send_signal), {5, 9}));
static_assert(interpret(loop, {Call(PV_CALL(read)).number, {}, audit_arch ^ 1}).killed());

const Filter* const all[] = {&loop, &vcpu, &worker, &watchdog};

TEST(Policies, NobodyReachesOutsideTheProcess) {
  constexpr Call forbidden[] = {PV_CALL(execve),
                                PV_CALL(execveat),
                                PV_CALL(fork),
                                PV_CALL(vfork),
                                PV_CALL(socket),
                                PV_CALL(socketpair),
                                PV_CALL(connect),
                                PV_CALL(bind),
                                PV_CALL(listen),
                                PV_CALL(ptrace),
                                PV_CALL(tkill),
                                PV_CALL(mount),
                                PV_CALL(openat2),
                                PV_CALL(creat),
                                PV_CALL(rename),
                                PV_CALL(renameat),
                                PV_CALL(renameat2),
                                PV_CALL(link),
                                PV_CALL(linkat),
                                PV_CALL(symlinkat),
                                PV_CALL(mkdirat),
                                PV_CALL(mknodat),
                                PV_CALL(fchmodat),
                                PV_CALL(fchownat),
                                PV_CALL(unlink),
                                PV_CALL(truncate),
                                PV_CALL(chdir),
                                PV_CALL(chroot),
                                PV_CALL(setuid),
                                PV_CALL(setns),
                                PV_CALL(unshare),
                                PV_CALL(bpf),
                                PV_CALL(userfaultfd),
                                PV_CALL(keyctl),
                                PV_CALL(pidfd_open),
                                PV_CALL(pidfd_getfd),
                                PV_CALL(init_module),
                                PV_CALL(process_vm_readv),
                                PV_CALL(process_vm_writev),
                                PV_CALL(perf_event_open),
                                PV_CALL(personality),
                                PV_CALL(pkey_mprotect),
                                PV_CALL(rt_sigqueueinfo),
                                PV_CALL(rt_tgsigqueueinfo),
                                PV_CALL(memfd_create),
                                PV_CALL(remap_file_pages),
                                PV_CALL(modify_ldt),
                                PV_CALL(open_by_handle_at)};
  for (const Filter* filter : all)
    for (Call call : forbidden) EXPECT_TRUE(trapped(*filter, call)) << call.name;
}

TEST(Policies, NoExecutableMemory) {
  for (const Filter* filter : all) {
    for (Call call : {PV_CALL(mmap), PV_CALL(mmap2), PV_CALL(mprotect)}) {
      EXPECT_TRUE(allowed(*filter, call, {0, 4096, read_write})) << call.name;
      EXPECT_TRUE(trapped(*filter, call, {0, 4096, executable})) << call.name;
    }
  }
}

TEST(Policies, SignalsOnlyToOurselves) {
  for (const Filter* filter : all) {
    EXPECT_TRUE(allowed(*filter, PV_CALL(tgkill), {own, 5, SIGRTMIN}));
    EXPECT_TRUE(trapped(*filter, PV_CALL(tgkill), {1, 5, SIGRTMIN}));
  }
}

TEST(Policies, KillReachesOnlyOurselvesAndOnlyFromTheLoop) {
  EXPECT_TRUE(allowed(loop, PV_CALL(kill), {own, SIGSTOP}));
  for (u64 other : {u64{1}, u64{0}, ~u64{0}, u64{own} + 1})
    EXPECT_TRUE(trapped(loop, PV_CALL(kill), {other, SIGTERM}));
  EXPECT_TRUE(trapped(vcpu, PV_CALL(kill), {own, SIGSTOP}));
  EXPECT_TRUE(trapped(worker, PV_CALL(kill), {own, SIGSTOP}));
}

TEST(Policies, HandlersStay) {
  for (const Filter* filter : {&vcpu, &worker})
    for (u64 signal : {SIGSYS, SIGSEGV, SIGTERM, SIGRTMIN})
      EXPECT_TRUE(trapped(*filter, PV_CALL(rt_sigaction), {signal}));
}

TEST(Policies, CloneMakesThreadsAndOnlyWhereThreadsAreMade) {
  constexpr u64 glibc = 0x3d0f00;
  EXPECT_TRUE(allowed(loop, PV_CALL(clone), {glibc}));
  for (const Filter* filter : {&vcpu, &worker})
    EXPECT_TRUE(verdict(*filter, PV_CALL(clone), {glibc}).refused(EAGAIN));
  EXPECT_TRUE(verdict(vcpu, PV_CALL(clone3)).refused(ENOSYS));
  EXPECT_TRUE(trapped(loop, PV_CALL(clone), {SIGCHLD}));
  EXPECT_TRUE(trapped(loop, PV_CALL(clone), {glibc | CLONE_NEWUSER}));
  EXPECT_TRUE(trapped(loop, PV_CALL(clone), {glibc & ~u64{CLONE_THREAD}}));
}

TEST(Policies, EachThreadHasWhatItsWorkNeeds) {
  for (Call call : {PV_CALL(futex), PV_CALL(munmap), PV_CALL(madvise), PV_CALL(brk), PV_CALL(read),
                    PV_CALL(write), PV_CALL(writev), PV_CALL(pread64), PV_CALL(fdatasync),
                    PV_CALL(rt_sigreturn), PV_CALL(exit), PV_CALL(exit_group), PV_CALL(getrandom),
                    PV_CALL(clock_gettime), PV_CALL(timerfd_settime), PV_CALL(rseq),
                    PV_CALL(set_robust_list), PV_CALL(futex_time64), PV_CALL(timerfd_settime64)})
    for (const Filter* filter : {&loop, &vcpu, &worker})
      EXPECT_TRUE(allowed(*filter, call)) << call.name;
  for (Call call : {PV_CALL(poll), PV_CALL(read), PV_CALL(write), PV_CALL(sendto),
                    PV_CALL(recvfrom), PV_CALL(pidfd_send_signal), PV_CALL(exit_group)})
    EXPECT_TRUE(allowed(watchdog, call)) << call.name;
  for (Call call : {PV_CALL(epoll_wait), PV_CALL(epoll_pwait), PV_CALL(accept4), PV_CALL(recvmsg),
                    PV_CALL(sendmsg), PV_CALL(unlinkat)}) {
    EXPECT_TRUE(allowed(loop, call)) << call.name;
    EXPECT_TRUE(trapped(vcpu, call)) << call.name;
    EXPECT_TRUE(trapped(worker, call)) << call.name;
  }
}

TEST(Policies, RingsAreMadeBeforeTheSeal) {
  for (const Filter* filter : {&loop, &vcpu, &worker}) {
    EXPECT_TRUE(verdict(*filter, PV_CALL(io_uring_setup)).refused(ENOSYS));
    EXPECT_TRUE(verdict(*filter, PV_CALL(io_uring_register)).refused(EPERM));
    EXPECT_TRUE(allowed(*filter, PV_CALL(io_uring_enter)));
  }
}

TEST(Policies, StatOnlyOfDescriptors) {
  Call call = PV_CALL(newfstatat);
  EXPECT_TRUE(allowed(loop, call, {3, 0, 0, AT_EMPTY_PATH}));
  EXPECT_TRUE(trapped(loop, call, {3, 0, 0, AT_SYMLINK_NOFOLLOW}));
}

TEST(Policies, ProgramsAreSmall) {
  for (const Filter* filter : all) {
    EXPECT_LT(filter->code.size(), 400u);
    EXPECT_LT(verdict(*filter, PV_CALL(write)).steps, 16u);
    RecordProperty(filter == &loop   ? "loop"
                   : filter == &vcpu ? "vcpu"
                                     : "worker",
                   static_cast<int>(filter->code.size()));
  }
}

}  // namespace
}  // namespace pv::jail
