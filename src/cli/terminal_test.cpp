#include "cli/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/escape_filter.h"

namespace pv::cli {
namespace {

std::vector<u8> bytes(std::string_view text) { return {text.begin(), text.end()}; }

TEST(EscapeFilter, KeysForTheGuestAndForUs) {
  EscapeFilter filter;
  auto result = filter.feed(bytes("ls\r"));
  EXPECT_EQ(result.guest, bytes("ls\r"));
  EXPECT_FALSE(result.leave || result.help);
  result = filter.feed(bytes("a\x01hb"));
  EXPECT_EQ(result.guest, bytes("ab"));
  EXPECT_TRUE(result.help);
  EXPECT_EQ(filter.feed(bytes("\x01\x01")).guest, bytes("\x01"));
  EXPECT_EQ(filter.feed(bytes("\x01z")).guest, bytes("\x01z"));
  result = filter.feed(bytes("q\x01xrest"));
  EXPECT_EQ(result.guest, bytes("q"));
  EXPECT_TRUE(result.leave);
}

TEST(EscapeFilter, KeysMayArriveOneByOne) {
  EscapeFilter filter;
  EXPECT_TRUE(filter.feed(bytes("\x01")).guest.empty());
  EXPECT_TRUE(filter.feed(bytes("x")).leave);
  EXPECT_TRUE(filter.feed(bytes("\x01")).guest.empty());
  EXPECT_EQ(filter.feed(bytes("\x01")).guest, bytes("\x01"));
  EXPECT_EQ(filter.feed(bytes("x")).guest, bytes("x"));
}

struct Pty {
  Pty() {
    int ends[2];
    EXPECT_EQ(::openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr), 0);
    master.reset(ends[0]);
    slave.reset(ends[1]);
  }
  bool is_raw() const {
    termios mode{};
    EXPECT_EQ(::tcgetattr(slave.get(), &mode), 0);
    return (mode.c_lflag & (ICANON | ECHO | ISIG)) == 0;
  }
  Fd master, slave;
};

TEST(Terminal, RawAndBack) {
  Pty pty;
  termios before{}, after{};
  ::tcgetattr(pty.slave.get(), &before);
  {
    Terminal terminal(pty.slave.get());
    EXPECT_TRUE(terminal.is_terminal());
    EXPECT_FALSE(pty.is_raw());
    EXPECT_TRUE(terminal.enter_raw());
    EXPECT_TRUE(pty.is_raw());
    ::tcgetattr(pty.slave.get(), &after);
    EXPECT_NE(after.c_oflag & OPOST, 0u);
    EXPECT_EQ(after.c_iflag & (ICRNL | IXON), 0u);
  }
  EXPECT_FALSE(pty.is_raw());
  ::tcgetattr(pty.slave.get(), &after);
  EXPECT_EQ(before.c_lflag, after.c_lflag);
  EXPECT_EQ(before.c_iflag, after.c_iflag);
}

TEST(Terminal, ModesChangedByAnotherJobAreTakenBack) {
  Pty pty;
  Terminal terminal(pty.slave.get());
  ASSERT_TRUE(terminal.enter_raw());
  termios cooked{};
  ::tcgetattr(pty.slave.get(), &cooked);
  cooked.c_lflag |= ICANON | ECHO | ISIG;
  ::tcsetattr(pty.slave.get(), TCSANOW, &cooked);
  EXPECT_TRUE(terminal.reenter_raw());
  EXPECT_TRUE(pty.is_raw());
  EXPECT_TRUE(terminal.reenter_raw());  // already raw: the saved modes must stay the first ones
  terminal.restore();
  EXPECT_FALSE(pty.is_raw());
}

TEST(Terminal, Size) {
  Pty pty;
  Terminal terminal(pty.slave.get());
  EXPECT_EQ(terminal.size(), std::nullopt);
  const winsize window{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(::ioctl(pty.master.get(), TIOCSWINSZ, &window), 0);
  EXPECT_EQ(terminal.size(), (Terminal::Size{24, 80}));
}

TEST(Terminal, WhatIsNoTerminalIsLeftAlone) {
  Fd null = *open_file("/dev/null", O_RDONLY);
  Terminal terminal(null.get());
  EXPECT_FALSE(terminal.is_terminal());
  EXPECT_FALSE(terminal.enter_raw());
  EXPECT_EQ(terminal.size(), std::nullopt);
  EXPECT_FALSE(Terminal(-1).is_terminal());
}

// Runs `child` in a process of its own and returns its wait status.
template <class Child>
int in_child(Child child) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    child();
    ::_exit(99);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return status;
}

TEST(Terminal, RestoredByExitAndByFatalSignals) {
  Pty pty;
  int status = in_child([&] {
    Terminal terminal(pty.slave.get());
    if (terminal.enter_raw() && pty.is_raw()) ::exit(7);
  });
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_FALSE(pty.is_raw());
  for (const int number : {SIGABRT, SIGSEGV, SIGSYS, SIGQUIT}) {
    status = in_child([&] {
      // Sanitizers take some of these over; here the program itself is the subject.
      ::signal(number, SIG_DFL);
      Terminal terminal(pty.slave.get());
      if (terminal.enter_raw() && pty.is_raw()) ::raise(number);
    });
    EXPECT_TRUE(WIFSIGNALED(status)) << status;
    EXPECT_EQ(WTERMSIG(status), number);
    EXPECT_FALSE(pty.is_raw());
  }
}

TEST(Terminal, NotTouchedFromTheBackground) {
  Pty pty;
  const int status = in_child([&] {
    // A session whose foreground job is this process, and a child of it in another job.
    if (::setsid() < 0 || ::ioctl(pty.slave.get(), TIOCSCTTY, 0) < 0) ::_exit(1);
    if (!Terminal(pty.slave.get()).foreground()) ::_exit(2);
    const int inner = in_child([&] {
      ::setpgid(0, 0);
      Terminal terminal(pty.slave.get());
      ::_exit(!terminal.foreground() && !terminal.enter_raw() ? 0 : 3);
    });
    ::_exit(WIFEXITED(inner) ? WEXITSTATUS(inner) : 4);
  });
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_FALSE(pty.is_raw());
}

}  // namespace
}  // namespace pv::cli
