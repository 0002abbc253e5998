#include "device/host_ports.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace pv::device {
namespace {

Bytes bytes(std::string_view text) {
  return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }
  // What can be read at once.
  std::string drain() {
    std::string out;
    char block[4096];
    fcntl(reader.get(), F_SETFL, O_NONBLOCK);
    for (ssize_t n; (n = ::read(reader.get(), block, sizeof block)) > 0;)
      out.append(block, static_cast<usize>(n));
    return out;
  }
  Fd reader, writer;
};

TEST(HostClock, Advances) {
  HostClock clock;
  const u64 before = clock.monotonic_ns();
  EXPECT_GT(clock.wall_ns(), 1'600'000'000ull * 1'000'000'000);
  EXPECT_GE(clock.monotonic_ns(), before);
}

TEST(HostEntropy, FillsTheWholeSpan) {
  auto entropy = HostEntropy::create();
  ASSERT_TRUE(entropy);
  std::vector<u8> a(1000), b(1000);
  (*entropy)->fill(a);
  (*entropy)->fill(b);
  EXPECT_NE(a, b);
  EXPECT_TRUE(std::any_of(a.end() - 32, a.end(), [](u8 x) { return x != 0; }));
}

TEST(FdSink, WritesAtOnceWithoutBuffering) {
  Pipe pipe;
  FdSink sink(pipe.writer.get());
  sink.write(bytes("a"));
  EXPECT_EQ(pipe.drain(), "a");
  sink.write(bytes(std::string(2000, 'b')));
  EXPECT_EQ(pipe.drain().size(), 2000u);
  EXPECT_EQ(sink.take_dropped(), 0u);
}

TEST(FdSink, KeepsALineUntilItsEndOrFlush) {
  Pipe pipe;
  FdSink sink(pipe.writer.get(), FdSink::Buffering::line);
  for (char c : std::string("line\npro")) sink.write(Bytes(reinterpret_cast<u8*>(&c), 1));
  EXPECT_EQ(pipe.drain(), "line\n");
  sink.flush();
  EXPECT_EQ(pipe.drain(), "pro");
  sink.flush();
  sink.write(bytes(std::string(513, 'x')));
  EXPECT_EQ(pipe.drain().size(), 512u);
}

TEST(FdSink, ReaderThatDoesNotReadCostsPatienceOnceAndThenOutput) {
  Pipe pipe;
  const int size = fcntl(pipe.writer.get(), F_SETPIPE_SZ, 4096);
  ASSERT_GE(size, 4096);
  FdSink sink(pipe.writer.get(), FdSink::Buffering::none, 20);
  HostClock clock;
  const u64 start = clock.monotonic_ns();
  for (int i = 0; i < 100; ++i) sink.write(bytes(std::string(512, 'x')));
  EXPECT_LT(clock.monotonic_ns() - start, 1'500'000'000u) << "100 waits would take 2 s";
  const u64 dropped = sink.take_dropped();
  EXPECT_EQ(pipe.drain().size() + dropped, 51'200u);
  EXPECT_GT(dropped, 0u);
  sink.write(bytes("again"));
  EXPECT_EQ(pipe.drain(), "again");
  EXPECT_EQ(sink.take_dropped(), 0u);
}

TEST(FdSink, NonblockingDescriptorIsWaitedFor) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  Fd near(ends[0]), far(ends[1]);
  FdSink sink(near.get(), FdSink::Buffering::none, 10);
  sink.write(bytes(std::string(4 << 20, 'x')));
  const u64 dropped = sink.take_dropped();
  EXPECT_GT(dropped, 0u);
  u64 got = 0;
  std::vector<u8> block(65536);
  for (ssize_t n; (n = ::read(far.get(), block.data(), block.size())) > 0;)
    got += static_cast<u64>(n);
  EXPECT_EQ(got + dropped, u64{4} << 20);
}

TEST(FdSink, BrokenDescriptorDropsEverything) {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.reader.reset();
  FdSink sink(pipe.writer.get());
  sink.write(bytes("lost"));
  sink.write(bytes("too"));
  EXPECT_EQ(sink.take_dropped(), 7u);
}

}  // namespace
}  // namespace pv::device
