#include "cli/session.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "control/client.h"

namespace pv::cli {
namespace {

struct FakeMachine final : Machine {
  explicit FakeMachine(loop::EventLoop& its_loop) : loop(its_loop) {}
  usize receive(Bytes input) override {
    const usize taken = std::min(input.size(), room);
    room -= taken;
    received.append(reinterpret_cast<const char*>(input.data()), taken);
    if (received.size() >= stop_after) loop.stop();
    return taken;
  }
  void resize(u16 new_rows, u16 new_columns) override {
    rows = new_rows;
    columns = new_columns;
    if (stop_after_resize) loop.stop();
  }
  Result<void> pause() override { return {}; }
  Result<void> resume() override { return {}; }
  Result<void> stop(control::Stopper) override {
    stopped = true;
    loop.stop();
    return {};
  }
  control::Stats stat() override { return {}; }
  control::Facts facts() override { return {}; }
  Result<hv::RegisterFile> registers(u64) override { return hv::RegisterFile(); }
  Result<std::vector<u8>> memory(u64, u64) override { return std::vector<u8>(); }
  memory::SearchResult search(memory::GuestRange, Bytes) override { return {}; }

  loop::EventLoop& loop;
  std::string received;
  usize room = 1 << 20;
  usize stop_after = ~usize{0};
  bool stop_after_resize = false;
  bool stopped = false;
  u16 rows = 0, columns = 0;
};

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    char path[] = "/tmp/polyvisor-test-XXXXXX";
    EXPECT_NE(::mkdtemp(path), nullptr);
    folder_ = path;
    ::setenv("XDG_RUNTIME_DIR", path, 1);
    config_.name = "a";
  }
  ~SessionTest() override {
    ::unsetenv("XDG_RUNTIME_DIR");
    EXPECT_TRUE(::rmdir((folder_ + "/polyvisor").c_str()) == 0 || errno == ENOENT);  // empty
    ::rmdir(folder_.c_str());
  }
  std::unique_ptr<Session> session(int in) {
    return *Session::create(*loop_, log_, config_, {in, null_.get(), null_.get()});
  }
  void run() { ASSERT_TRUE(loop_->run()); }
  static void put(const Fd& fd, std::string_view text) {
    ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  std::string folder_;
  config::VmConfig config_;
  std::unique_ptr<loop::EventLoop> loop_ = *loop::EventLoop::create();
  Fd null_ = *open_file("/dev/null", O_RDWR);
  Log log_{null_.get(), LogLevel::debug};
  FakeMachine machine_{*loop_};
};

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }
  Fd reader, writer;
};

TEST_F(SessionTest, PipedInputArrivesUnchangedAndItsEndIsNotTheVms) {
  Pipe pipe;
  const std::string text = "\x01x stays\x01h\n";
  put(pipe.writer, text);
  pipe.writer.reset();
  auto session = this->session(pipe.reader.get());
  ASSERT_TRUE(session->attach(machine_));
  auto later = *loop_->timer([&] { loop_->stop(); });
  later->arm(std::chrono::milliseconds(20));
  run();
  EXPECT_EQ(machine_.received, text);
  EXPECT_FALSE(machine_.stopped);
}

TEST_F(SessionTest, InputWaitsUntilTheDeviceHasRoom) {
  Pipe pipe;
  put(pipe.writer, "0123456789");
  machine_.room = 4;
  auto session = this->session(pipe.reader.get());
  ASSERT_TRUE(session->attach(machine_));
  auto later = *loop_->timer([&] { loop_->stop(); });
  later->arm(std::chrono::milliseconds(20));
  run();
  EXPECT_EQ(machine_.received, "0123");
}

TEST_F(SessionTest, RoomContinuesTheInput) {
  Pipe pipe;
  put(pipe.writer, "0123456789");
  machine_.room = 4;
  auto session = this->session(pipe.reader.get());
  ASSERT_TRUE(session->attach(machine_));
  auto later = *loop_->timer([&] {
    put(pipe.writer, "abc");
    machine_.room = 100;
    session->room();
  });
  later->arm(std::chrono::milliseconds(10));
  machine_.stop_after = 13;
  run();
  EXPECT_EQ(machine_.received, "0123456789abc");
}

TEST_F(SessionTest, AFileIsReadInChunksAndNothingIsLost) {
  Fd file(::memfd_create("input", MFD_CLOEXEC));
  std::string text;
  for (int i = 0; text.size() < 5000; ++i) text += std::to_string(i) + ' ';
  put(file, text);
  ::lseek(file.get(), 0, SEEK_SET);
  machine_.room = 1500;
  auto session = this->session(file.get());
  ASSERT_TRUE(session->attach(machine_));
  auto later = *loop_->timer([&] {
    EXPECT_EQ(machine_.received.size(), 1500u);
    machine_.room = 1 << 20;
    session->room();
  });
  later->arm(std::chrono::milliseconds(20));
  machine_.stop_after = text.size();
  run();
  EXPECT_EQ(machine_.received, text);
}

TEST_F(SessionTest, NoInputAtAll) {
  for (int in : {null_.get(), -1}) {
    loop_ = *loop::EventLoop::create();
    FakeMachine machine(*loop_);
    auto session = this->session(in);
    ASSERT_TRUE(session->attach(machine));
    loop_->post([&] { loop_->post([&] { loop_->stop(); }); });
    run();
    EXPECT_FALSE(machine.stopped);
    EXPECT_EQ(machine.received, "");
  }
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
    ::tcgetattr(slave.get(), &mode);
    return (mode.c_lflag & (ICANON | ECHO | ISIG)) == 0;
  }
  Fd master, slave;
};

TEST_F(SessionTest, KeysOfATerminal) {
  Pty pty;
  const winsize window{.ws_row = 30, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
  ::ioctl(pty.master.get(), TIOCSWINSZ, &window);
  auto session = this->session(pty.slave.get());
  EXPECT_FALSE(pty.is_raw());
  ASSERT_TRUE(session->attach(machine_));
  EXPECT_TRUE(pty.is_raw());
  EXPECT_EQ(machine_.rows, 30);
  EXPECT_EQ(machine_.columns, 100);
  put(pty.master, "a\x03\r\x01\x01");
  put(pty.master, "b\x01x");
  run();
  EXPECT_TRUE(machine_.stopped);
  EXPECT_EQ(machine_.received,
            "a\x03\r\x01"
            "b");
  session.reset();
  EXPECT_FALSE(pty.is_raw());
}

TEST_F(SessionTest, ATerminalCanBeLeftWhenTheGuestDoesNotRead) {
  Pty pty;
  machine_.room = 0;
  auto session = this->session(pty.slave.get());
  ASSERT_TRUE(session->attach(machine_));
  put(pty.master, "keys that nobody wants");
  put(pty.master, "\x01x");
  run();
  EXPECT_TRUE(machine_.stopped);
}

TEST_F(SessionTest, AClosedTerminalEndsTheInputOnly) {
  Pty pty;
  auto session = this->session(pty.slave.get());
  ASSERT_TRUE(session->attach(machine_));
  pty.master.reset();
  auto later = *loop_->timer([&] { loop_->stop(); });
  later->arm(std::chrono::milliseconds(20));
  run();
  EXPECT_FALSE(machine_.stopped);
}

TEST_F(SessionTest, SignalsEndTheRunInOrder) {
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    loop_ = *loop::EventLoop::create();
    FakeMachine machine(*loop_);
    auto session = this->session(null_.get());
    ASSERT_TRUE(session->attach(machine));
    ::kill(::getpid(), number);
    run();
    EXPECT_TRUE(machine.stopped) << number;
  }
}

TEST_F(SessionTest, ASignalBeforeTheMachineIsNotLost) {
  auto session = this->session(null_.get());
  ::kill(::getpid(), SIGTERM);
  ASSERT_TRUE(session->attach(machine_));
  run();
  EXPECT_TRUE(machine_.stopped);
}

TEST_F(SessionTest, AnIgnoredSignalStaysIgnored) {
  ::signal(SIGHUP, SIG_IGN);
  auto session = this->session(null_.get());
  ASSERT_TRUE(session->attach(machine_));
  ::kill(::getpid(), SIGHUP);
  auto later = *loop_->timer([&] { loop_->stop(); });
  later->arm(std::chrono::milliseconds(10));
  run();
  EXPECT_FALSE(machine_.stopped);
  session.reset();
  ::signal(SIGHUP, SIG_DFL);
}

TEST_F(SessionTest, AResizedWindowIsReported) {
  Pty pty;
  auto session = this->session(pty.slave.get());
  ASSERT_TRUE(session->attach(machine_));
  machine_.stop_after_resize = true;
  const winsize window{.ws_row = 50, .ws_col = 132, .ws_xpixel = 0, .ws_ypixel = 0};
  ::ioctl(pty.master.get(), TIOCSWINSZ, &window);
  ::kill(::getpid(), SIGWINCH);
  run();
  EXPECT_EQ(machine_.rows, 50);
  EXPECT_EQ(machine_.columns, 132);
}

TEST_F(SessionTest, TheNameIsTakenAndGivenBack) {
  auto session = this->session(null_.get());
  EXPECT_TRUE(session->registered());
  const auto second = Session::create(*loop_, log_, config_, {null_.get(), 1, 2});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "a VM named \"a\" is already running");
  session.reset();
  session = this->session(null_.get());
  EXPECT_TRUE(session->registered());
}

// While the VM is being destroyed the terminal is the user's again, but nobody is told of the end
// and no signal cuts it short.
TEST_F(SessionTest, AfterTheRunOnlyTheTerminalIsGivenBack) {
  Pty pty;
  auto session = this->session(pty.slave.get());
  ASSERT_TRUE(session->attach(machine_));
  const auto directory = *control::Directory::open();
  const Fd client = *directory.connect("a", 5000);
  loop_->stop();
  run();
  session->detach();
  EXPECT_FALSE(pty.is_raw());
  put(pty.master, "left for the shell\n");
  session->room();
  EXPECT_EQ(machine_.received, "");
  EXPECT_EQ(directory.state("a"), control::Directory::State::alive);
  char c;
  EXPECT_EQ(::recv(client.get(), &c, 1, MSG_DONTWAIT), -1);
  EXPECT_EQ(errno, EAGAIN);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::kill(::getpid(), number);
  session.reset();  // the signals do not end this process either
  EXPECT_EQ(directory.state("a"), control::Directory::State::none);
  EXPECT_TRUE(::recv(client.get(), &c, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET);
}

TEST_F(SessionTest, AStopIsRememberedHoweverLateItComes) {
  const auto late = [&](auto when_detached) {
    loop_ = *loop::EventLoop::create();
    FakeMachine machine(*loop_);
    auto session = this->session(null_.get());
    EXPECT_TRUE(session->attach(machine));
    loop_->stop();
    run();
    session->detach();
    when_detached();
    EXPECT_FALSE(machine.stopped);
    return session->stop_wanted();
  };
  EXPECT_FALSE(late([] {}));
  EXPECT_TRUE(late([] { ::kill(::getpid(), SIGTERM); }));
  Fd client;
  EXPECT_TRUE(late([&] {
    client = *control::Directory::open()->connect("a", 5000);
    put(client, control::request_line(control::Verb::stop));
  }));
}

TEST_F(SessionTest, AnIdentityMadeBeforeIsUsed) {
  auto identity = Identity::create(log_, config_);
  ASSERT_TRUE(identity);
  config_.name = "b";
  auto session = *Session::create(*loop_, log_, config_, {null_.get(), 1, 2}, std::move(*identity));
  EXPECT_EQ(session->name(), "a");
  EXPECT_TRUE(session->registered());
  EXPECT_EQ(control::Directory::open()->names(), std::vector<std::string>{"a"});
}

TEST_F(SessionTest, WithoutADirectoryTheVmStillRuns) {
  if (::geteuid() == 0) ::setenv("XDG_RUNTIME_DIR", "/dev/null", 1);
  const std::string inner = folder_ + "/polyvisor";
  Fd in_the_way = *open_file(inner, O_CREAT | O_WRONLY, 0600);
  ::setenv("XDG_RUNTIME_DIR", folder_.c_str(), 1);
  auto created = Session::create(*loop_, log_, config_, {null_.get(), 1, 2});
  ASSERT_TRUE(created);  // it may have found another directory, such as /run/polyvisor
  ASSERT_TRUE((*created)->attach(machine_));
  created->reset();
  ::unlink(inner.c_str());
}

TEST_F(SessionTest, DefaultNameIsByProcess) {
  config_.name.clear();
  EXPECT_EQ(session(null_.get())->name(), "guest-" + std::to_string(::getpid()));
}

TEST(ConsoleOutput, AReaderThatHasGoneOrDoesNotReadIsSurvived) {
  ::signal(SIGPIPE, SIG_IGN);
  Fd null = *open_file("/dev/null", O_RDWR);
  Log log(null.get(), LogLevel::warn);
  const std::vector<u8> block(64 * 1024, 'x');
  {
    Pipe pipe;
    ConsoleOutput output(pipe.writer.get(), log, std::chrono::milliseconds(10));
    for (int i = 0; i < 5; ++i) output.write(block);  // more than a pipe holds: must come back
    EXPECT_FALSE(output.gone());
    // Once somebody reads again, output arrives again.
    std::vector<u8> drained(1 << 20);
    EXPECT_GT(::read(pipe.reader.get(), drained.data(), drained.size()), 0);
    output.write(Bytes(block).first(1));
    EXPECT_EQ(::read(pipe.reader.get(), drained.data(), drained.size()), 1);
  }
  Pipe pipe;
  ConsoleOutput output(pipe.writer.get(), log);
  pipe.reader.reset();
  output.write(block);
  EXPECT_TRUE(output.gone());
  ::signal(SIGPIPE, SIG_DFL);
}

}  // namespace
}  // namespace pv::cli
