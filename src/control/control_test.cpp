#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "base/text.h"
#include "control/client.h"
#include "control/inspection.h"
#include "control/server.h"

namespace pv::control {
namespace {

using State = Directory::State;

// A directory that is removed with what is in it.
class Folder {
 public:
  Folder() {
    char path[] = "/tmp/polyvisor-test-XXXXXX";
    EXPECT_NE(::mkdtemp(path), nullptr);
    path_ = path;
  }
  ~Folder() {
    for (const auto& name : {"a", "b", "c", "file"})
      ::unlink(text("{}/{}.sock", path_, name).c_str());
    ::rmdir(text("{}/inner", path_).c_str());
    ::rmdir(path_.c_str());
  }
  const std::string& path() const { return path_; }
  Directory open() const { return *Directory::open_at(path_, false); }

 private:
  std::string path_;
};

// What a killed VM leaves: a socket behind which nobody listens.
void leave_stale(const Folder& folder, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = text("{}/{}.sock", folder.path(), name);
  std::copy(path.begin(), path.end(), address.sun_path);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

TEST(Registry, AnEntryLivesAsLongAsItsRegistration) {
  Folder folder;
  const Directory directory = folder.open();
  EXPECT_EQ(directory.state("a"), State::none);
  {
    const auto registration = Registration::create(folder.open(), "a");
    ASSERT_TRUE(registration) << registration.error().message;
    EXPECT_EQ(directory.state("a"), State::alive);
    EXPECT_EQ(directory.names(), std::vector<std::string>{"a"});
  }
  EXPECT_EQ(directory.state("a"), State::none);
  EXPECT_TRUE(directory.names().empty());
}

TEST(Registry, ALivingNameIsRefusedAndAStaleOneReplaced) {
  Folder folder;
  const auto first = Registration::create(folder.open(), "a");
  ASSERT_TRUE(first);
  const auto second = Registration::create(folder.open(), "a");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Error::Kind::usage);
  EXPECT_EQ(second.error().message, "a VM named \"a\" is already running");
  EXPECT_EQ(folder.open().state("a"), State::alive);

  leave_stale(folder, "b");
  EXPECT_EQ(folder.open().state("b"), State::stale);
  const auto third = Registration::create(folder.open(), "b");
  ASSERT_TRUE(third) << third.error().message;
  EXPECT_EQ(folder.open().state("b"), State::alive);
}

// run --reboot: the boots are children of the process that has the name.
TEST(Registry, OnlyTheProcessThatMadeAnEntryRemovesIt) {
  Folder folder;
  std::optional registration(*Registration::create(folder.open(), "a"));
  EXPECT_EQ(registration->owner(), ::getpid());
  EXPECT_GE(registration->folder(), 0);
  const pid_t owner = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    const bool right = registration->owner() == owner && registration->folder() == -1;
    registration.reset();
    ::_exit(right ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(folder.open().state("a"), State::alive);
  registration.reset();
  EXPECT_EQ(folder.open().state("a"), State::none);
}

TEST(Registry, ListingClearsStaleEntriesOnly) {
  Folder folder;
  const auto living = Registration::create(folder.open(), "a");
  leave_stale(folder, "b");
  const std::string other = text("{}/file.sock", folder.path());
  Fd file = *open_file(other, O_CREAT | O_WRONLY, 0600);
  std::vector<Directory> directories;
  directories.push_back(folder.open());
  const auto running = running_vms(directories);
  // A file that is no socket is not ours to judge or to remove.
  ASSERT_EQ(running.size(), 1u);
  EXPECT_EQ(running[0].name, "a");
  const auto taken = Registration::create(folder.open(), "file");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().message, other + " is in the way: it is no socket");
  EXPECT_EQ(folder.open().state("b"), State::none);
  EXPECT_EQ(::access(other.c_str(), F_OK), 0);
}

TEST(Registry, TheDirectoryMustBePrivate) {
  Folder folder;
  const std::string inner = folder.path() + "/inner";
  ASSERT_TRUE(Directory::open_at(inner, true));
  ASSERT_TRUE(Directory::open_at(inner, true));  // made before
  struct stat st;
  ASSERT_EQ(::stat(inner.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0700u);
  ASSERT_EQ(::chmod(inner.c_str(), 0755), 0);
  const auto open = Directory::open_at(inner, true);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().message, inner + " is open to other users");
  EXPECT_FALSE(Directory::open_at(folder.path() + "/none/inner", true));
}

TEST(Registry, TheRuntimeDirectoryIsUsed) {
  Folder folder;
  ::setenv("XDG_RUNTIME_DIR", folder.path().c_str(), 1);
  const auto directory = Directory::open();
  ::unsetenv("XDG_RUNTIME_DIR");
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->path(), folder.path() + "/polyvisor");
  ::rmdir(directory->path().c_str());
}

TEST(Registry, LongPathsGoThroughTheDescriptor) {
  Folder folder;
  const std::string inner = folder.path() + "/" + std::string(100, 'd');
  const std::string name(60, 'n');
  {
    const auto registration = Registration::create(*Directory::open_at(inner, true), name);
    ASSERT_TRUE(registration) << registration.error().message;
    EXPECT_EQ(Directory::open_at(inner, false)->state(name), State::alive);
  }
  EXPECT_EQ(::rmdir(inner.c_str()), 0);  // empty again
}

TEST(Protocol, Requests) {
  for (Verb verb : {Verb::stat, Verb::pause, Verb::resume, Verb::stop}) {
    std::string line = request_line(verb);
    EXPECT_LE(line.size(), max_request);
    line.pop_back();
    EXPECT_EQ(parse_request(line)->verb, verb);
  }
  EXPECT_EQ(request_line({Verb::memory, ~u64{0}, 16}),
            "polyvisor/1 memory 18446744073709551615 16\n");
  EXPECT_LE(request_line({Verb::memory, ~u64{0}, ~u64{0}}).size(), max_request);
  Request wanted(Verb::search, ~u64{0}, ~u64{0});
  wanted.pattern.assign(max_pattern, 0xff);
  EXPECT_LE(request_line(wanted).size(), max_request);
  const auto search = parse_request("polyvisor/1 search 4096 8 4c69");
  ASSERT_TRUE(search);
  EXPECT_EQ(search->first, 4096u);
  EXPECT_EQ(search->second, 8u);
  EXPECT_EQ(search->pattern, (std::vector<u8>{0x4c, 0x69}));
  for (const char* wrong : {"search", "search 1 2", "search 1 2 ", "search 1 2 4", "search 1 2 4C",
                            "search 1 2 4c 3", "search 18446744073709551615 2 4c"})
    EXPECT_FALSE(parse_request(text("polyvisor/1 {}", wrong))) << wrong;
  const auto memory = parse_request("polyvisor/1 memory 4096 8");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->first, 4096u);
  EXPECT_EQ(memory->second, 8u);
  for (const char* wrong : {"memory", "memory 1", "memory 1 2 3", "memory 0x1 2", "memory 01 2",
                            "memory -1 2", "memory 18446744073709551616 1", "registers",
                            "registers 1 ", "registers a", "stat 1", "stat "})
    EXPECT_FALSE(parse_request(text("polyvisor/1 {}", wrong))) << wrong;
  EXPECT_FALSE(parse_request(""));
  EXPECT_FALSE(parse_request("stat"));
  EXPECT_FALSE(parse_request("polyvisor/1 halt"));
  EXPECT_NE(parse_request("polyvisor/2 stat").error().message.find("version"), std::string::npos);
}

TEST(Protocol, Replies) {
  const Stats stats{.paused = true,
                    .cpus = 2,
                    .memory = 1_GiB,
                    .uptime_ms = 5,
                    .counters = {{"exits.mmio-read", 7}}};
  const auto reply = parse_reply(stat_reply(stats, 12));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->find("state"), "paused");
  EXPECT_EQ(reply->find("pid"), "12");
  EXPECT_EQ(reply->find("memory"), "1073741824");
  EXPECT_EQ(reply->find("exits.mmio-read"), "7");
  EXPECT_EQ(reply->find("none"), std::nullopt);
  EXPECT_TRUE(parse_reply(ok_reply())->fields.empty());
  const auto error = parse_reply(error_reply({Error::Kind::host, "two\nlines", "a hint"}));
  EXPECT_EQ(error.error().message, "two lines");
  EXPECT_EQ(error.error().hint, "a hint");
  for (const char* text :
       {"", "\n\n", "polyvisor/1 ok\n", "polyvisor/9 ok\n\n", "polyvisor/1 ok\nkey value\n",
        "polyvisor/1 ok\n key\n\n", "polyvisor/1 ok\n\n\n\n"})
    EXPECT_FALSE(parse_reply(text)) << text;
}

TEST(Inspection, FactsComeBackAsTheyWere) {
  const Facts facts{.arch = Arch::riscv64,
                    .cpus = 3,
                    .ram = {{memory::GuestAddress(0x8000'0000), 1_GiB},
                            {memory::GuestAddress(0x1'0000'0000), 4096}}};
  const auto back = parse_facts(*parse_reply(facts_reply(facts)));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->arch, Arch::riscv64);
  EXPECT_EQ(back->cpus, 3u);
  ASSERT_EQ(back->ram.size(), 2u);
  EXPECT_EQ(back->ram[1].base.value(), 0x1'0000'0000u);
  EXPECT_EQ(back->ram[1].size, 4096u);
  for (const char* wrong :
       {"arch vax\ncpus 1\n", "arch x86_64\ncpus 0\n", "cpus 1\n",
        "arch x86_64\ncpus 1\nram 18446744073709551615+2\n", "arch x86_64\ncpus 1\nram 5\n"})
    EXPECT_FALSE(parse_facts(*parse_reply(text("polyvisor/1 ok\n{}\n", wrong)))) << wrong;
}

TEST(Inspection, RegistersOfEveryArchitectureComeBackAsTheyWere) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64, Arch::powerpc, Arch::x86_64}) {
    hv::RegisterFile file(arch, hv::register_table(arch));
    for (usize i = 0; i < file.table.size(); i += 2)
      file.set(i, {0xfedc'ba98'7654'3210 + i, file.table[i].bits > 64 ? i + 1 : 0});
    file.activity = hv::Activity::waits_for_start;
    file.tlb.resize(576);
    file.tlb0_entries = 512;
    file.tlb[575] = {.mas1 = 0x8000'0500, .mas8 = 1, .mas2 = 0xffff'f000, .mas7_3 = 0x3f};
    const std::string sent = registers_reply(file);
    EXPECT_LT(sent.size(), max_reply);
    const auto back = parse_registers(*parse_reply(sent));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->arch, arch);
    EXPECT_EQ(back->values, file.values) << name(arch);
    EXPECT_EQ(back->known, file.known) << name(arch);
    EXPECT_EQ(back->activity, file.activity);
    ASSERT_EQ(back->tlb.size(), 576u);
    EXPECT_EQ(back->tlb0_entries, 512u);
    EXPECT_EQ(back->tlb[575].mas2, 0xffff'f000u);
    EXPECT_EQ(back->tlb[0].mas1, 0u);
  }
}

TEST(Inspection, HostileAnswersAreRefused) {
  for (const char* wrong : {"tlbs 5000\n", "tlbs 2\ntlb0 3\n", "tlb 0 1 2 3 4\n", "pc xyz\n",
                            "tlbs 1\ntlb 1 1 1 1 1\n", "tlbs 1\ntlb 0 1\n"}) {
    const auto reply = parse_reply(text("polyvisor/1 ok\narch powerpc\n{}\n", wrong));
    ASSERT_TRUE(reply) << wrong;
    EXPECT_FALSE(parse_registers(*reply)) << wrong;
  }
  for (const char* wrong : {"data 123\n", "data 0g\n"})
    EXPECT_FALSE(parse_memory(*parse_reply(text("polyvisor/1 ok\n{}\n", wrong)))) << wrong;
}

struct FakeTarget final : Target {
  Result<void> pause() override {
    if (refuse) return fail(Error::Kind::host, "cannot pause now");
    paused = true;
    return {};
  }
  Result<void> resume() override {
    paused = false;
    return {};
  }
  Result<void> stop(Stopper by) override {
    stopper = by;
    loop->stop();
    return {};
  }
  Stats stat() override {
    Stats stats{.paused = paused, .cpus = 1, .memory = 64_MiB, .uptime_ms = 1, .counters = {}};
    for (usize i = 0; i < counters; ++i) stats.counters.emplace_back(text("counter.{}", i), i);
    return stats;
  }
  Facts facts() override { return {.arch = Arch::aarch64, .cpus = 1, .ram = {}}; }
  Result<hv::RegisterFile> registers(u64 cpu) override {
    if (cpu != 0) return fail(Error::Kind::usage, "there is no such CPU");
    hv::RegisterFile file(Arch::aarch64, hv::register_table(Arch::aarch64));
    file.set("pc", 0x4008'0000);
    return file;
  }
  Result<std::vector<u8>> memory(u64 address, u64 length) override {
    if (address != 0x1000) return fail(Error::Kind::usage, "not RAM");
    return std::vector<u8>(static_cast<usize>(length), 0x5a);
  }
  memory::SearchResult search(memory::GuestRange range, Bytes pattern) override {
    return {.found = {range.base.value() + 0x10}, .examined = pattern.size(), .next = range.end()};
  }
  loop::EventLoop* loop = nullptr;
  bool paused = false;
  Stopper stopper = Stopper::owner;
  bool refuse = false;
  usize counters = 0;
};

// A VM with the name "a" whose loop runs in a thread; `stop` ends it.
class Running1 : public ::testing::Test {
 protected:
  void SetUp() override {
    loop_ = *loop::EventLoop::create();
    target_.loop = loop_.get();
    server_ = *Server::create(*loop_, log_, target_, *Registration::create(folder_.open(), "a"));
    directories_.push_back(folder_.open());
    thread_ = std::thread([this] {
      EXPECT_TRUE(loop_->run());
      server_.reset();
    });
  }
  void TearDown() override {
    loop_->stop();
    thread_.join();
    EXPECT_EQ(directories_[0].state("a"), State::none);
  }
  control::Running vm() const { return {"a", &directories_[0]}; }
  Fd connect() const { return *directories_[0].connect("a", 5000); }
  static std::string exchange(const Fd& fd, std::string_view request) {
    EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    return receive(fd);
  }
  // Up to the end of a reply, or to the end of the connection.
  static std::string receive(const Fd& fd) {
    std::string out;
    char c;
    while (!is_complete(out) && ::recv(fd.get(), &c, 1, 0) == 1) out += c;
    return out;
  }

  Folder folder_;
  Log log_{2, LogLevel::error};
  FakeTarget target_;
  std::unique_ptr<loop::EventLoop> loop_;
  std::unique_ptr<Server> server_;
  std::vector<Directory> directories_;
  std::thread thread_;
};

TEST_F(Running1, AnswersEveryRequest) {
  EXPECT_EQ(request(vm(), Verb::stat)->find("state"), "running");
  EXPECT_TRUE(request(vm(), Verb::pause));
  EXPECT_EQ(request(vm(), Verb::stat)->find("state"), "paused");
  EXPECT_TRUE(request(vm(), Verb::resume));
  EXPECT_EQ(request(vm(), Verb::stat)->find("state"), "running");
  EXPECT_EQ(request(vm(), Verb::stat)->find("pid"), text("{}", ::getpid()));
}

TEST_F(Running1, ShowsTheGuestsStateOnOneConnection) {
  auto connection = Connection::open(vm());
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(parse_facts(*connection->request(Verb::facts))->arch, Arch::aarch64);
  EXPECT_EQ(parse_registers(*connection->request({Verb::registers, 0}))->get("pc"), 0x4008'0000u);
  EXPECT_EQ(connection->request({Verb::registers, 7}).error().message,
            "VM \"a\": there is no such CPU");
  const auto page = parse_memory(*connection->request({Verb::memory, 0x1000, max_memory_reply}));
  ASSERT_TRUE(page);
  EXPECT_EQ(*page, std::vector<u8>(max_memory_reply, 0x5a));
  EXPECT_FALSE(connection->request({Verb::memory, 0, 1}));
  Request wanted(Verb::search, 0x2000, 0x1000);
  wanted.pattern = {0x4c, 0x69, 0x00};
  const auto found = parse_search(*connection->request(wanted));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->found, std::vector<u64>{0x2010});
  EXPECT_EQ(found->examined, 3u);
  EXPECT_EQ(found->next, 0x3000u);
}

TEST_F(Running1, PassesOnWhatTheTargetRefuses) {
  target_.refuse = true;
  EXPECT_EQ(request(vm(), Verb::pause).error().message, "VM \"a\": cannot pause now");
}

TEST_F(Running1, StopReturnsWhenTheNameIsFree) {
  EXPECT_TRUE(request(vm(), Verb::stop));
  EXPECT_EQ(directories_[0].state("a"), State::none);
}

TEST_F(Running1, ManyRequestsOnOneConnection) {
  const Fd fd = connect();
  const std::string twice = request_line(Verb::pause) + request_line(Verb::stat);
  EXPECT_EQ(exchange(fd, twice), ok_reply());
  EXPECT_TRUE(parse_reply(receive(fd)));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(parse_reply(exchange(fd, request_line(Verb::stat))));
}

TEST_F(Running1, RequestsMayArriveInPieces) {
  const Fd fd = connect();
  const std::string line = request_line(Verb::stat);
  for (const char c : line.substr(0, line.size() - 1)) ::send(fd.get(), &c, 1, 0);
  EXPECT_TRUE(parse_reply(exchange(fd, "\n")));
}

TEST_F(Running1, NonsenseAndEndlessLinesEndTheConnection) {
  for (const std::string& sent : {std::string("nonsense\n"), std::string(max_request, 'x')}) {
    const Fd fd = connect();
    EXPECT_FALSE(parse_reply(exchange(fd, sent)));
    char c;
    EXPECT_EQ(::recv(fd.get(), &c, 1, 0), 0);
  }
  EXPECT_TRUE(request(vm(), Verb::stat));
}

TEST_F(Running1, AClientThatNeverReadsHoldsUpNobody) {
  target_.counters = 1000;
  const Fd slow = connect();
  ::fcntl(slow.get(), F_SETFL, O_NONBLOCK);
  const std::string line = request_line(Verb::stat);
  usize sent = 0;  // until the server stops taking requests
  for (int idle = 0; idle < 20 && sent < 50'000;) {
    if (::send(slow.get(), line.data(), line.size(), MSG_NOSIGNAL) > 0) {
      ++sent;
      continue;
    }
    ++idle;
    EXPECT_TRUE(request(vm(), Verb::stat));
  }
  EXPECT_LT(sent, 50'000u);
}

TEST_F(Running1, TheLongestSilentOfTooManyClientsIsDropped) {
  std::vector<Fd> clients;
  for (usize i = 0; i < 3 * Server::max_clients; ++i) {
    clients.push_back(connect());
    EXPECT_TRUE(parse_reply(exchange(clients.back(), request_line(Verb::stat)))) << i;
  }
  char c;
  EXPECT_EQ(::recv(clients.front().get(), &c, 1, 0), 0);
  EXPECT_TRUE(parse_reply(exchange(clients.back(), request_line(Verb::stat))));
}

TEST_F(Running1, WithoutDescriptorsConnectionsAreRefusedAndServiceGoesOn) {
  Fd spare = connect();
  EXPECT_TRUE(parse_reply(exchange(spare, request_line(Verb::stat))));
  std::vector<Fd> waiting;
  for (int i = 0; i < 3; ++i) waiting.emplace_back(::socket(AF_UNIX, SOCK_STREAM, 0));
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;  // nothing new can be opened
  ::setrlimit(RLIMIT_NOFILE, &none);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder_.path() + "/a.sock";
  std::copy(path.begin(), path.end(), address.sun_path);
  for (const Fd& fd : waiting)
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  // The old connection is still served although new ones wait at the door.
  EXPECT_TRUE(parse_reply(exchange(spare, request_line(Verb::stat))));
  ::setrlimit(RLIMIT_NOFILE, &before);
}

// A VM "a" whose boots are played by the test.
class Reboots : public ::testing::Test {
 protected:
  Reboots() { directories_.push_back(folder_.open()); }
  control::Running vm() const { return {"a", &directories_[0]}; }
  // Like a guest that resets itself as soon as somebody has connected.
  void lose_one() const {
    pollfd entry{.fd = registration_->listener(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&entry, 1, 5000), 1);
    EXPECT_TRUE(Fd(::accept4(registration_->listener(), nullptr, nullptr, SOCK_CLOEXEC)).valid());
  }
  std::unique_ptr<Server> serve() {
    auto server = *Server::create(*loop_, log_, target_, std::move(*registration_));
    registration_.reset();
    return server;
  }

  Folder folder_;
  Log log_{2, LogLevel::error};
  FakeTarget target_;
  std::unique_ptr<loop::EventLoop> loop_ = *loop::EventLoop::create();
  std::vector<Directory> directories_;
  std::optional<Registration> registration_{*Registration::create(folder_.open(), "a")};
};

TEST_F(Reboots, ARequestWhoseBootEndedIsMadeToTheNext) {
  target_.loop = loop_.get();
  std::thread boots([&] {
    for (int i = 0; i < 3; ++i) lose_one();
    const auto server = serve();
    EXPECT_TRUE(loop_->run());
  });
  const auto stat = request(vm(), Verb::stat);
  EXPECT_TRUE(stat) << stat.error().message;
  EXPECT_TRUE(request(vm(), Verb::stop));
  boots.join();
}

TEST_F(Reboots, AnEndBeforeTheAnswerIsWhatStopWanted) {
  for (const Verb verb : {Verb::stop, Verb::stat}) {
    if (!registration_) registration_.emplace(*Registration::create(folder_.open(), "a"));
    std::thread last([&] {
      lose_one();
      registration_.reset();
    });
    const auto reply = request(vm(), verb);
    last.join();
    EXPECT_EQ(reply.has_value(), verb == Verb::stop);
    if (reply) continue;
    EXPECT_EQ(reply.error().message, "VM \"a\": it ended before it answered");
  }
}

TEST_F(Reboots, AStopOfTheWatchdogsIsToldApart) {
  target_.loop = loop_.get();
  const auto server = serve();
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  const Fd watchdog(ends[0]);
  server->adopt(Fd(ends[1]));
  const std::string stop = request_line(Verb::stop);
  ASSERT_EQ(::send(watchdog.get(), stop.data(), stop.size(), 0), static_cast<ssize_t>(stop.size()));
  EXPECT_TRUE(loop_->run());
  EXPECT_EQ(target_.stopper, Stopper::watchdog);
}

TEST_F(Reboots, AStopThatComesAfterTheRunIsHeeded) {
  auto server = serve();
  EXPECT_FALSE(server->late_stop());
  std::vector<Fd> clients;
  for (const std::string& sent : {request_line(Verb::stat), std::string("polyvisor/1 stop"),
                                  std::string(), request_line(Verb::pause)}) {
    clients.push_back(*directories_[0].connect("a", 5000));
    ::send(clients.back().get(), sent.data(), sent.size(), 0);
  }
  EXPECT_FALSE(server->late_stop());
  const std::string rest = "\n";
  ::send(clients[1].get(), rest.data(), rest.size(), 0);
  EXPECT_TRUE(server->late_stop());
  server.reset();
  std::string answers[4];
  for (usize i = 0; i < clients.size(); ++i) {
    char c;
    while (::recv(clients[i].get(), &c, 1, 0) == 1) answers[i] += c;
  }
  EXPECT_EQ(answers[1], ok_reply());
  EXPECT_EQ(answers[0] + answers[2] + answers[3], "");
  EXPECT_FALSE(target_.paused);
}

}  // namespace
}  // namespace pv::control
