// The jail on this machine's kernel: each test seals a child process and looks at how it ends.
#include "jail/jail.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "jail/landlock.h"
#include "jail/policies.h"
#include "jail/violation.h"

namespace pv::jail {
namespace {

constexpr const Filter& loop_filter = filter<loop_policy, terminal_ioctls>;
constexpr const Filter& vcpu_filter = filter<vcpu_policy>;
constexpr const Filter& worker_filter = filter<worker_policy>;

struct End {
  int status = -1;  // exit status, or 1000 + signal
  std::string said;
};

// Runs `body` in a child whose standard error we read; its result is the exit status.
End in_child(const std::function<int()>& body) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    ::alarm(20);
    ::_exit(body());
  }
  ::close(ends[1]);
  End end;
  char buffer[512];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    end.said.append(buffer, static_cast<usize>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  return end;
}

End sealed_child(const Filter& filter, const std::function<int()>& body) {
  return in_child([&] {
    auto sealed = seal_process({});
    if (!sealed || !enter(*sealed, filter)) return 90;
    return body();
  });
}

bool have_seccomp() {
  static const bool have = in_child([] {
                             auto sealed = seal_process({});
                             return sealed && sealed->filters ? 0 : 1;
                           }).status == 0;
  return have;
}

class Jail : public testing::Test {
  void SetUp() override {
    if (!have_seccomp()) GTEST_SKIP() << "this kernel has no seccomp filters";
  }
};

TEST_F(Jail, WorkGoesOn) {
  Fd event(::eventfd(0, EFD_CLOEXEC));
  Fd file = *open_file("/proc/self/exe", O_RDONLY);
  for (const Filter* filter : {&loop_filter, &vcpu_filter, &worker_filter}) {
    End end = sealed_child(*filter, [&] {
      std::vector<std::unique_ptr<char[]>> blocks;
      for (usize i = 0; i < 200; ++i) blocks.emplace_back(new char[i * 4096 + 1]);
      blocks.clear();
      u64 one = 1;
      char byte;
      if (::write(event.get(), &one, sizeof one) != sizeof one) return 1;
      if (::pread(file.get(), &byte, 1, 0) != 1) return 2;
      struct stat info;
      if (::fstat(file.get(), &info) != 0) return 3;
      if (::write(STDERR_FILENO, "done", 4) != 4) return 4;
      return 0;
    });
    EXPECT_EQ(end.status, 0) << end.said;
    EXPECT_EQ(end.said, "done");
  }
}

TEST_F(Jail, ForbiddenCallsAreNamed) {
  End end = sealed_child(vcpu_filter, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; });
  EXPECT_EQ(end.status, violation_status);
  EXPECT_EQ(end.said, text("polyvisor: error: the sandbox stopped system call {} (socket) in the "
                           "vCPU thread\n",
                           SYS_socket));
  end = sealed_child(loop_filter, [] { return static_cast<int>(::syscall(SYS_swapoff, "x")); });
  EXPECT_EQ(end.status, violation_status);
  EXPECT_EQ(end.said, text("polyvisor: error: the sandbox stopped system call {} in the loop "
                           "thread\n",
                           SYS_swapoff));
}

TEST_F(Jail, NoProgramCanBeStarted) {
  End end = sealed_child(loop_filter, [] { return ::execl("/bin/true", "true", nullptr); });
  EXPECT_EQ(end.status, violation_status);
  EXPECT_NE(end.said.find("execve"), std::string::npos);
  end = sealed_child(loop_filter, [] { return static_cast<int>(::syscall(SYS_clone, SIGCHLD)); });
  EXPECT_EQ(end.status, violation_status);
}

TEST_F(Jail, FilesCannotBeOpened) {
  for (const Filter* filter : {&loop_filter, &vcpu_filter, &worker_filter}) {
    End end = sealed_child(*filter, [] {
      return ::open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 1;
    });
    EXPECT_EQ(end.status, 0) << end.said;
  }
}

TEST_F(Jail, NoExecutableMemory) {
  End end = sealed_child(worker_filter, [] {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
  });
  EXPECT_EQ(end.status, violation_status);
  EXPECT_NE(end.said.find("(mprotect) in the worker thread"), std::string::npos) << end.said;
}

TEST_F(Jail, OtherProcessesCannotBeSignalled) {
  pid_t parent = ::getpid();
  End end = sealed_child(
      vcpu_filter, [&] { return static_cast<int>(::syscall(SYS_tgkill, parent, parent, 0)); });
  EXPECT_EQ(end.status, violation_status);
}

TEST_F(Jail, ThreadsStartAfterTheSealAndTakeTheirOwnFilter) {
  End end = in_child([] {
    auto sealed = seal_process({});
    if (!sealed || !enter(*sealed, loop_filter)) return 90;
    std::atomic<int> worked = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        if (!enter(*sealed, worker_filter)) return;
        std::vector<std::string> strings;  // another malloc arena, which also shrinks
        for (usize n = 0; n < 64; ++n) strings.emplace_back(60'000, 'x');
        strings.clear();
        ++worked;
      });
    for (auto& thread : threads) thread.join();
    return worked == 4 ? 0 : 1;
  });
  EXPECT_EQ(end.status, 0) << end.said;
}

TEST_F(Jail, AVcpuThreadThatStartsAThreadIsToldThereIsNoRoom) {
  End end = sealed_child(vcpu_filter, [] {
    pthread_t thread;
    int error = ::pthread_create(&thread, nullptr, [](void* p) { return p; }, nullptr);
    return error == EAGAIN ? 0 : 1;
  });
  EXPECT_EQ(end.status, 0) << end.said;
}

TEST_F(Jail, TheLoopMayStopItselfAndInstallHandlers) {
  End end = sealed_child(loop_filter, [] {
    struct sigaction action{};
    if (::sigaction(SIGSYS, nullptr, &action) != 0) return 1;
    action.sa_handler = [](int) { ::_exit(7); };
    if (::sigaction(SIGQUIT, &action, nullptr) != 0) return 2;
    return ::kill(::getpid(), SIGQUIT);
  });
  EXPECT_EQ(end.status, 7) << end.said;
}

TEST_F(Jail, AKickEndsAWaitInAnotherThread) {
  End end = in_child([] {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(SIGRTMIN, &action, nullptr);
    Fd never(::eventfd(0, EFD_CLOEXEC));
    auto sealed = seal_process({});
    if (!sealed) return 90;
    std::atomic<int> result = 0;
    std::thread vcpu([&] {
      if (!enter(*sealed, vcpu_filter)) return;
      u64 count;
      result = ::read(never.get(), &count, sizeof count) < 0 && errno == EINTR ? 1 : 2;
    });
    if (!enter(*sealed, loop_filter)) return 91;
    // Not faster than they can be taken: these signals queue up.
    while (result == 0) {
      ::pthread_kill(vcpu.native_handle(), SIGRTMIN);
      for (int turn = 0; turn < 1000 && result == 0; ++turn) std::this_thread::yield();
    }
    vcpu.join();
    return result == 1 ? 0 : 1;
  });
  EXPECT_EQ(end.status, 0) << end.said;
}

TEST_F(Jail, TheLastActRunsAndTheLineSuitsARawTerminal) {
  End end = in_child([] {
    auto sealed = seal_process(
        {.last_act = [] { [[maybe_unused]] ssize_t n = ::write(STDERR_FILENO, "restored", 8); }});
    if (!sealed || !enter(*sealed, vcpu_filter)) return 90;
    return static_cast<int>(::syscall(SYS_ptrace, 0, 0, 0, 0));
  });
  EXPECT_EQ(end.status, violation_status);
  EXPECT_TRUE(end.said.ends_with("(ptrace) in the vCPU thread\r\nrestored")) << end.said;
}

TEST_F(Jail, ABlockedSigsysIsUnblocked) {
  End end = in_child([] {
    sigset_t everything;
    ::sigfillset(&everything);
    ::pthread_sigmask(SIG_BLOCK, &everything, nullptr);
    auto sealed = seal_process({});
    if (!sealed || !enter(*sealed, vcpu_filter)) return 90;
    return static_cast<int>(::syscall(SYS_ptrace, 0, 0, 0, 0));
  });
  EXPECT_EQ(end.status, violation_status);
}

TEST_F(Jail, AbortStillAborts) {
  End end = sealed_child(vcpu_filter, []() -> int { std::abort(); });
  EXPECT_EQ(end.status, 1000 + SIGABRT) << end.said;
}

TEST(Seal, TakesPrivilegesAway) {
  End end = in_child([] {
    auto sealed = seal_process({});
    if (!sealed) return 90;
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 1;
    // Root without capabilities cannot change root directories, whatever else is missing.
    if (::chroot("/") == 0) return 2;
    return errno == EPERM ? 0 : 3;
  });
  EXPECT_EQ(end.status, 0) << end.said;
}

TEST(Seal, NamesWhatTheHostLacks) {
  End end = in_child([] {
    auto sealed = seal_process({});
    if (!sealed) return 90;
    bool complete = sealed->filters && sealed->landlock_abi > 0;
    return sealed->missing.empty() == complete ? 0 : 1;
  });
  EXPECT_EQ(end.status, 0);
}

TEST(Seal, DisabledSandboxDoesNothing) {
  ASSERT_TRUE(enter(Sealed{}, vcpu_filter));
  EXPECT_TRUE(open_file("/dev/null", O_RDONLY));
}

class Landlock : public testing::Test {
 protected:
  void SetUp() override {
    if (landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
    ASSERT_NE(::mkdtemp(folder_), nullptr);
    folder_fd_ = *open_file(folder_, O_PATH | O_DIRECTORY);
    ASSERT_TRUE(open_file(path("socket"), O_CREAT | O_RDWR, 0600));
  }
  void TearDown() override {
    if (!folder_fd_.valid()) return;
    ::unlink(path("socket").c_str());
    ::rmdir(folder_);
  }
  std::string path(const char* name) const { return std::string(folder_) + "/" + name; }
  char folder_[32] = "/tmp/pv-jail-XXXXXX";
  Fd folder_fd_;
};

TEST_F(Landlock, RefusesTheFileSystemWithoutSeccomp) {
  End end = in_child([&] {
    Fd before = *open_file(path("socket"), O_RDWR);
    if (!seal_process({})) return 90;
    if (open_file("/etc/passwd", O_RDONLY)) return 1;
    if (open_file(path("new"), O_CREAT | O_RDWR, 0600)) return 2;
    if (::unlinkat(folder_fd_.get(), "socket", 0) == 0) return 3;
    if (::write(before.get(), "x", 1) != 1) return 4;  // what is open stays open
    return 0;
  });
  EXPECT_EQ(end.status, 0) << end.said;
}

TEST_F(Landlock, LeavesTheRightToRemoveInAGivenFolder) {
  End end = in_child([&] {
    int folder = folder_fd_.get();
    auto sealed = seal_process({.unlink_in = {&folder, 1}});
    if (!sealed || !enter(*sealed, loop_filter)) return 90;
    return ::unlinkat(folder, "socket", 0) == 0 ? 0 : 1;
  });
  EXPECT_EQ(end.status, 0) << end.said;
  EXPECT_NE(::access(path("socket").c_str(), F_OK), 0);
}

TEST_F(Landlock, ABadFolderIsAnError) {
  End end = in_child([] {
    int folder = 999;
    return seal_process({.unlink_in = {&folder, 1}}) ? 1 : 0;
  });
  EXPECT_EQ(end.status, 0);
}

}  // namespace
}  // namespace pv::jail
