#include "cli/reboot.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/exit_status.h"

namespace pv::cli {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }
  char take() const {  // 0 when nothing comes
    pollfd entry{.fd = reader.get(), .events = POLLIN, .revents = 0};
    char c = 0;
    EXPECT_EQ(::poll(&entry, 1, 5000), 1);
    EXPECT_TRUE(entry.revents == 0 || ::read(reader.get(), &c, 1) == 1);
    return c;
  }
  void put(char c) const { EXPECT_EQ(::write(writer.get(), &c, 1), 1); }
  // Whether every other process has closed its end soon.
  bool ends_soon() {
    writer.reset();
    pollfd entry{.fd = reader.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 5000) == 1 && (entry.revents & POLLHUP) != 0;
  }
  Fd reader, writer;
};

// A `polyvisor run --reboot` of which each boot calls `boot`; it ends with the run's status.
template <typename Prepare, typename Boot>
pid_t start(Prepare prepare, Boot boot) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  prepare();
  Boots boots;
  const auto outcome = boots.run([&]() -> Result<RunOutcome> { ::_exit(boot()); });
  ::_exit(outcome ? outcome->exit_status : to_int(status_of(outcome.error().kind)));
}
constexpr auto nothing = [] {};

int end_of(pid_t pid) {
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(Boots, AResetBootsAgainInAnotherProcess) {
  Pipe statuses;
  for (const char status : {100, 100, 42}) statuses.put(status);
  EXPECT_EQ(end_of(start(nothing, [&] { return statuses.take(); })), 42);
}

TEST(Boots, ASignalEndsTheRunEvenIfTheGuestJustResetItself) {
  Pipe begun, go;
  const pid_t run = start(nothing, [&] {
    ::signal(SIGTERM, SIG_IGN);
    begun.put('b');
    go.take();
    return 100;
  });
  begun.take();
  ::kill(run, SIGTERM);
  ::usleep(50'000);
  go.put('1');
  EXPECT_EQ(end_of(run), 106);
}

TEST(Boots, AnIgnoredSignalStaysIgnored) {
  Pipe begun, statuses;
  const pid_t run = start([] { ::signal(SIGHUP, SIG_IGN); },
                          [&] {
                            begun.put('b');
                            return statuses.take();
                          });
  begun.take();
  ::kill(run, SIGHUP);
  ::usleep(50'000);
  statuses.put(100);
  begun.take();
  statuses.put(42);
  EXPECT_EQ(end_of(run), 42);
}

TEST(Boots, AnIgnoredSigchldHidesNoEnd) {
  const pid_t run = start(
      [] {
        ::signal(SIGCHLD, SIG_IGN);
        ::alarm(10);
      },
      [] { return 42; });
  EXPECT_EQ(end_of(run), 42);
}

// Whatever signals are ignored, nothing is left when the parent is killed.
TEST(Boots, NoBootOutlivesItsParent) {
  for (const int ignored : {0, 1, 3}) {
    Pipe begun;
    const pid_t run = start(
        [&] {
          const int numbers[] = {SIGTERM, SIGHUP, SIGINT};
          for (int i = 0; i < ignored; ++i) ::signal(numbers[i], SIG_IGN);
        },
        [&] {
          begun.put('b');
          ::sleep(60);
          return 0;
        });
    begun.take();
    ::kill(run, SIGKILL);
    EXPECT_EQ(end_of(run), -SIGKILL);
    EXPECT_TRUE(begun.ends_soon()) << ignored;
  }
}

TEST(Boots, AKilledBootIsAnErrorOfTheHost) {
  EXPECT_EQ(end_of(start(nothing, [] { return ::raise(SIGKILL); })), 103);
}

}  // namespace
}  // namespace pv::cli
