#include "vmm/gdb_listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

namespace pv::vmm {
namespace {

struct Listener : ::testing::Test {
  std::string folder;
  Log log{-1, LogLevel::error};
  void SetUp() override {
    char path[] = "/tmp/pv-gdb-XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    folder = path;
  }
  void TearDown() override { ::rmdir(folder.c_str()); }
  Result<GdbListener> listen(const std::string& text) {
    auto address = config::parse_gdb_address(text);
    if (!address) return std::unexpected(address.error());
    return GdbListener::create(*address, log);
  }
  static bool exists(const std::string& path) {
    struct stat st{};
    return ::lstat(path.c_str(), &st) == 0;
  }
};

TEST_F(Listener, UnixSocketsArePrivateAndGoAway) {
  std::string path = folder + "/gdb";
  {
    auto listener = listen("unix:" + path);
    ASSERT_TRUE(listener) << listener.error().message;
    EXPECT_EQ(listener->command(), "target remote " + path);
    EXPECT_GE(listener->folder(), 0);
    struct stat st{};
    ASSERT_EQ(::lstat(path.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    auto second = listen("unix:" + path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message, text("--gdb: {} exists already", path));
    EXPECT_TRUE(exists(path));
  }
  EXPECT_FALSE(exists(path));
}

TEST_F(Listener, ADeadProgramsSocketIsReplaced) {
  std::string path = folder + "/gdb";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  {
    Fd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_TRUE(listen("unix:" + path));
  EXPECT_FALSE(exists(path));
}

TEST_F(Listener, OtherFilesAreLeftAlone) {
  std::string path = folder + "/file";
  Fd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_FALSE(listen("unix:" + path));
  EXPECT_TRUE(exists(path));
  ::unlink(path.c_str());
  auto nowhere = listen("unix:" + folder + "/none/gdb");
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message.find("/none"), std::string::npos);
}

TEST_F(Listener, AConnectionIsKeptForTheNextBoot) {
  auto listener = listen("unix:" + folder + "/gdb");
  ASSERT_TRUE(listener);
  EXPECT_FALSE(listener->take_kept());
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Fd client(ends[1]);
  listener->keep({Fd(ends[0]), {.acks = false, .running = true}});
  auto kept = listener->take_kept();
  ASSERT_TRUE(kept);
  EXPECT_TRUE(kept->terms.running && !kept->terms.acks);
  ASSERT_EQ(::send(kept->client.get(), "x", 1, MSG_NOSIGNAL), 1);
  char got = 0;
  EXPECT_EQ(::recv(client.get(), &got, 1, 0), 1);
  EXPECT_EQ(got, 'x');
  EXPECT_FALSE(listener->take_kept());
}

TEST_F(Listener, PortsInUseAreNamed) {
  auto first = listen("tcp:0");
  if (!first) GTEST_SKIP() << first.error().message;
  EXPECT_TRUE(first->command().starts_with("target remote :"));
  std::string port = first->command().substr(first->command().rfind(':') + 1);
  EXPECT_NE(port, "0");
  auto second = listen("tcp:" + port);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, text("--gdb: port {} of 127.0.0.1 is in use", port));
}

}  // namespace
}  // namespace pv::vmm
