// The host's side of serial ports: every type of output and input, sharing by lines, readers that
// are slow or dead.
#include "cli/serial_ports.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "device/fakes.h"

namespace pv::cli {
namespace {

using config::Serial;
using config::SerialHardware;
using config::SerialType;

// ---- LineJoiner ---------------------------------------------------------------------------------

struct Joined : ::testing::Test {
  std::unique_ptr<loop::EventLoop> loop = std::move(*loop::EventLoop::create());
  device::RecordingSink out;
  std::unique_ptr<LineJoiner> joiner = std::move(*LineJoiner::create(*loop, out));
  device::CharSink& a = joiner->port();
  device::CharSink& b = joiner->port();

  void wait_for_expiry() {
    auto timer = std::move(*loop->timer([this] { loop->stop(); }));
    timer->arm(3 * LineJoiner::patience);
    ASSERT_TRUE(loop->run());
  }
};

TEST_F(Joined, APortAloneIsNotDelayed) {
  a.write(bytes_of("login: "));
  EXPECT_EQ(out.text(), "login: ");
}

TEST_F(Joined, LinesStayWhole) {
  a.write(bytes_of("one "));
  b.write(bytes_of("other\nhalf"));
  EXPECT_EQ(out.text(), "one ");
  a.write(bytes_of("two\nthree\n"));
  EXPECT_EQ(out.text(), "one two\nthree\nother\nhalf");
  a.write(bytes_of("four\n"));
  b.write(bytes_of(" done\n"));
  EXPECT_EQ(out.text(), "one two\nthree\nother\nhalf done\nfour\n");
}

TEST_F(Joined, APromptDoesNotHoldOthersUpForGood) {
  a.write(bytes_of("login: "));
  b.write(bytes_of("news\n"));
  EXPECT_EQ(out.text(), "login: ");
  wait_for_expiry();
  EXPECT_EQ(out.text(), "login: \nnews\n");
}

TEST_F(Joined, WhoHoldsTooMuchBreaksTheLine) {
  a.write(bytes_of("endless"));
  b.write(bytes_of(std::string(LineJoiner::most_held + 1, 'b')));
  EXPECT_EQ(out.text().substr(0, 10), "endless\nbb");
}

TEST_F(Joined, TheEndLosesNothing) {
  a.write(bytes_of("half"));
  b.write(bytes_of("rest"));
  joiner->finish();
  EXPECT_EQ(out.text(), "half\nrest");
}

// ---- lines with more to them --------------------------------------------------------------------

TEST(Timestamp, IsOfTheCalendar) {
  EXPECT_EQ(timestamp(0), "[1970-01-01T00:00:00.000Z] ");
  EXPECT_EQ(timestamp(u64{1'709'210'096'789} * 1'000'000), "[2024-02-29T12:34:56.789Z] ");
}

TEST(Timestamp, BeginsEachLineOnce) {
  device::RecordingSink out;
  device::FakeClock clock;
  TimestampSink sink(out, clock);
  sink.write(bytes_of("a"));
  clock.advance_ns(1'000'000);
  sink.write(bytes_of("b\n\nc"));
  EXPECT_EQ(out.text(),
            "[1970-01-01T00:00:00.000Z] ab\n[1970-01-01T00:00:00.001Z] \n"
            "[1970-01-01T00:00:00.001Z] c");
}

TEST(Syslog, ALineIsAMessage) {
  device::RecordingSink out;
  {
    SyslogSink sink(out, "vm");
    sink.write(bytes_of("Linux ver"));
    sink.write(bytes_of("sion\r\n\nta\tb\n" + std::string(2000, 'x') + "\nrest"));
  }
  EXPECT_EQ(out.writes(), 4u);
  EXPECT_EQ(out.text(), "<14>vm: Linux version<14>vm: ta b<14>vm: " +
                            std::string(SyslogSink::longest, 'x') + "<14>vm: rest");
}

// ---- SerialPorts --------------------------------------------------------------------------------

struct SerialPortsTest : ::testing::Test {
  SerialPortsTest() {
    char path[] = "/tmp/polyvisor-serial-XXXXXX";
    EXPECT_NE(::mkdtemp(path), nullptr);
    folder = path;
    EXPECT_EQ(::pipe2(out_pipe, O_CLOEXEC | O_NONBLOCK), 0);
    ::signal(SIGPIPE, SIG_IGN);
  }
  ~SerialPortsTest() override {
    ports.reset();
    for (int fd : out_pipe) ::close(fd);
    for (const char* name : {"a", "fifo", "socket"}) ::unlink((folder + '/' + name).c_str());
    ::rmdir(folder.c_str());
    ::signal(SIGPIPE, SIG_DFL);
  }

  bool create(std::vector<Serial> given) {
    serials = std::move(given);
    auto made =
        SerialPorts::create(*loop, log, serials, {out_pipe[1], standard_out, standard_in}, others);
    if (!made) {
      failure = made.error().message;
      return false;
    }
    ports = std::move(*made);
    return true;
  }
  void write(usize port, std::string_view text) { ports->ends()[port].out->write(bytes_of(text)); }
  std::string path(std::string_view name) const { return text("{}/{}", folder, name); }
  static std::string read_all(int fd) {
    std::string all;
    char part[4096];
    for (ssize_t n; (n = ::read(fd, part, sizeof part)) > 0;)
      all.append(part, static_cast<usize>(n));
    return all;
  }
  std::string content(std::string_view name) const {
    Fd fd(::open(path(name).c_str(), O_RDONLY | O_CLOEXEC));
    return read_all(fd.get());
  }
  Fd listener(int type) const {
    Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path("socket").copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(::listen(fd.get(), 1), 0);
    }
    return fd;
  }

  std::unique_ptr<loop::EventLoop> loop = std::move(*loop::EventLoop::create());
  Log log{-1, LogLevel::error};
  device::RecordingSink standard_out;
  device::CountingSource standard_in;
  int out_pipe[2];
  std::string folder, failure;
  std::vector<Serial> serials;
  std::vector<std::string> others;  // files of the same VM
  std::unique_ptr<SerialPorts> ports;
};

Serial file(u32 num, std::string path) {
  Serial serial;
  serial.type = SerialType::file;
  serial.num = num;
  serial.path = std::move(path);
  return serial;
}

TEST_F(SerialPortsTest, TheUsualCaseIsTheSessionItself) {
  ASSERT_TRUE(create(config::effective_serials({}, false)));
  ASSERT_EQ(ports->ends().size(), 1u);
  EXPECT_EQ(ports->ends()[0].out, &standard_out);
  EXPECT_EQ(ports->ends()[0].in, &standard_in);
}

TEST_F(SerialPortsTest, FilesAreAppendedTo) {
  for (int run = 0; run < 2; ++run) {
    ASSERT_TRUE(create({file(1, path("a"))})) << failure;
    write(0, "line\n");
    ports.reset();
  }
  EXPECT_EQ(content("a"), "line\nline\n");
}

TEST_F(SerialPortsTest, OneFileUnderTwoNamesIsSharedByLines) {
  Fd own(::open(path("a").c_str(), O_RDWR | O_CREAT, 0600));
  ASSERT_TRUE(create({file(1, path("a")),
                      file(2, text("/proc/self/fd/{}", own.get())),
                      {.type = SerialType::standard_output, .num = 3}}))
      << failure;
  write(0, "first ");
  write(1, "second\n");
  write(2, "elsewhere");
  write(0, "line\n");
  ports->detach();
  EXPECT_EQ(content("a"), "first line\nsecond\n");
  EXPECT_EQ(standard_out.text(), "elsewhere");
}

TEST_F(SerialPortsTest, HandedDescriptorsMayBePipesAndSockets) {
  int pipe[2], pair[2];
  ASSERT_EQ(::pipe2(pipe, O_NONBLOCK), 0);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  ASSERT_TRUE(
      create({file(1, text("/proc/self/fd/{}", pipe[1])), file(2, text("/dev/fd/{}", pair[1]))}))
      << failure;
  write(0, "into the pipe");
  write(1, "into the socket");
  EXPECT_EQ(read_all(pipe[0]), "into the pipe");
  EXPECT_EQ(read_all(pair[0]), "into the socket");
  ::close(pair[0]);  // the reader dies
  write(1, "lost");
  write(1, "lost");
  for (int fd : {pipe[0], pipe[1], pair[1]}) ::close(fd);
}

TEST_F(SerialPortsTest, ADescriptorThatIsNotOpenIsNamed) {
  EXPECT_FALSE(create({file(2, "/proc/self/fd/987")}));
  EXPECT_EQ(failure.substr(0, 36), "serial 2: cannot use /proc/self/fd/9") << failure;
}

TEST_F(SerialPortsTest, OnlyWhatTheCallerHasOpenedAndForThatUse) {
  Fd own(::open(path("a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_FALSE(create({file(1, text("/proc/self/fd/{}", own.get()))}));
  EXPECT_NE(failure.find("Bad file descriptor"), std::string::npos) << failure;
  Fd readable(::open(path("a").c_str(), O_RDONLY)), writable(::open(path("a").c_str(), O_WRONLY));
  EXPECT_FALSE(create({file(1, text("/dev/fd/{}", readable.get()))}));
  EXPECT_NE(failure.find("is open for reading only"), std::string::npos) << failure;
  EXPECT_FALSE(create({Serial{.input = text("/proc/self/fd/{}", writable.get())}}));
  EXPECT_NE(failure.find("is open for writing only"), std::string::npos) << failure;
}

TEST_F(SerialPortsTest, NoPortWritesIntoAFileOfTheMachine) {
  Fd disk(::open(path("a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  others = {"", path("none"), path("a")};
  ASSERT_EQ(::link(path("a").c_str(), path("b").c_str()), 0);
  EXPECT_FALSE(create({file(1, path("b"))}));
  EXPECT_NE(failure.find("b is used for something else by this VM"), std::string::npos) << failure;
  EXPECT_TRUE(create({file(1, path("c"))})) << failure;
}

TEST_F(SerialPortsTest, ADirectoryIsNoInput) {
  EXPECT_FALSE(create({Serial{.input = folder}}));
  EXPECT_NE(failure.find("is a directory"), std::string::npos) << failure;
}

TEST_F(SerialPortsTest, AFifoNeedsNoReader) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  ASSERT_TRUE(create({file(1, path("fifo"))})) << failure;
  write(0, "kept");
  Fd reader(::open(path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  EXPECT_EQ(read_all(reader.get()), "kept");
}

TEST_F(SerialPortsTest, UnixSockets) {
  EXPECT_FALSE(create({Serial{.type = SerialType::stream, .path = path("socket")}}));
  EXPECT_NE(failure.find("cannot connect to"), std::string::npos);
  {
    Fd datagrams = listener(SOCK_DGRAM);
    ASSERT_TRUE(create({Serial{.type = SerialType::datagram, .path = path("socket")}})) << failure;
    write(0, "one");
    char part[16];
    EXPECT_EQ(::recv(datagrams.get(), part, sizeof part, 0), 3);
    ::unlink(path("socket").c_str());
  }
  Fd server = listener(SOCK_STREAM);
  ASSERT_TRUE(create(
      {Serial{.type = SerialType::stream, .path = path("socket"), .input_unix_stream = true}}))
      << failure;
  Fd client(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  ASSERT_TRUE(client.valid());
  write(0, "out");
  EXPECT_EQ(read_all(client.get()), "out");
  std::string typed;
  ASSERT_TRUE(ports->attach([&](usize serial, Bytes input) {
    EXPECT_EQ(serial, 0u);
    typed.append(reinterpret_cast<const char*>(input.data()), input.size());
    loop->stop();
    return input.size();
  }));
  ASSERT_TRUE(write_fully(client.get(), bytes_of("in")));
  ASSERT_TRUE(loop->run());
  EXPECT_EQ(typed, "in");
  ports->detach();
}

TEST_F(SerialPortsTest, InputComesFromAFile) {
  {
    Fd fd(::open(path("a").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(write_fully(fd.get(), bytes_of("typed")));
  }
  ASSERT_TRUE(create({Serial{.num = 2, .input = path("a")}})) << failure;
  std::string typed;
  ASSERT_TRUE(ports->attach([&](usize, Bytes input) {
    typed.append(reinterpret_cast<const char*>(input.data()), input.size());
    loop->stop();
    return input.size();
  }));
  ASSERT_TRUE(loop->run());
  EXPECT_EQ(typed, "typed");
  write(0, "a sink takes everything");
  EXPECT_FALSE(create({Serial{.input = path("none")}}));
  EXPECT_EQ(failure.substr(0, 16), "serial 1: input:") << failure;
}

TEST_F(SerialPortsTest, AReaderThatDoesNotReadIsWaitedForOnce) {
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_NONBLOCK), 0);
  ASSERT_TRUE(create({file(1, text("/proc/self/fd/{}", pipe[1]))})) << failure;
  const std::string much(1 << 20, 'x');
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) write(0, much);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2 * ConsoleOutput::default_patience);
  while (!read_all(pipe[0]).empty()) {
  }
  write(0, "again");
  EXPECT_EQ(read_all(pipe[0]), "again");
  for (int fd : pipe) ::close(fd);
}

}  // namespace
}  // namespace pv::cli
