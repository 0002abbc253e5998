#include "vmm/gdb_listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace pv::vmm {
namespace {

constexpr int backlog = 2;
constexpr int stream = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

// A socket behind which nobody listens any more: its program was killed.
bool is_stale(const sockaddr_un& address) {
  struct stat st{};
  if (::lstat(address.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode)) return false;
  Fd probe(::socket(AF_UNIX, stream, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 &&
         errno == ECONNREFUSED;
}

Result<Fd> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Fd fd(::socket(AF_UNIX, stream, 0));
  if (!fd.valid()) return fail_errno("--gdb: cannot make a Unix socket", errno);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  // Whoever can connect reads and writes the guest's memory: nobody but this user.
  mode_t before = ::umask(0177);
  int bound = ::bind(fd.get(), generic, sizeof address);
  if (bound < 0 && errno == EADDRINUSE && is_stale(address)) {
    ::unlink(address.sun_path);
    bound = ::bind(fd.get(), generic, sizeof address);
  }
  int error = bound < 0 ? errno : 0;
  ::umask(before);
  if (error == EADDRINUSE)
    return fail(Error::Kind::usage, text("--gdb: {} exists already", path),
                "another VM may be waiting there; choose another path, or remove it");
  if (error != 0) return fail_errno(text("--gdb: cannot make the socket {}", path), error);
  if (::listen(fd.get(), backlog) < 0) return fail_errno("--gdb: cannot listen", errno);
  return fd;
}

union SocketAddress {
  sockaddr_in v4;
  sockaddr_in6 v6;
};

Result<Fd> listen_tcp(const config::GdbAddress& wanted, u16& port) {
  SocketAddress address{};
  bool v4 = ::inet_pton(AF_INET, wanted.host.c_str(), &address.v4.sin_addr) == 1;
  if (v4) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(wanted.port);
  } else {
    address = {};
    if (::inet_pton(AF_INET6, wanted.host.c_str(), &address.v6.sin6_addr) != 1)
      return fail(Error::Kind::usage, text("--gdb: {} is no address", wanted.host));
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(wanted.port);
  }
  Fd fd(::socket(v4 ? AF_INET : AF_INET6, stream, 0));
  if (!fd.valid()) return fail_errno("--gdb: cannot make a TCP socket", errno);
  // Inherited by the connections, which are made when no option can be set any more.
  int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  socklen_t size = v4 ? sizeof address.v4 : sizeof address.v6;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, size) < 0 || ::listen(fd.get(), backlog) < 0) {
    if (errno == EADDRINUSE)
      return fail(Error::Kind::usage,
                  text("--gdb: port {} of {} is in use", wanted.port, wanted.host),
                  "another VM or program waits there; choose another port, or 0 for any");
    return fail_errno(text("--gdb: cannot listen on port {} of {}", wanted.port, wanted.host),
                      errno);
  }
  if (::getsockname(fd.get(), generic, &size) < 0) return fail_errno("--gdb: getsockname", errno);
  port = ntohs(v4 ? address.v4.sin_port : address.v6.sin6_port);
  return fd;
}

bool is_loopback(const std::string& host) { return host.starts_with("127.") || host == "::1"; }

}  // namespace

Result<GdbListener> GdbListener::create(const config::GdbAddress& address, Log& log) {
  if (address.path.empty()) {
    u16 port = 0;
    Fd fd = TRY(listen_tcp(address, port));
    if (!is_loopback(address.host))
      log.warn("--gdb: whoever reaches port {} of {} over the network controls this guest", port,
               address.host);
    bool usual = address.host == "127.0.0.1";
    bool v6 = address.host.find(':') != std::string::npos;
    std::string host = usual ? "" : v6 ? text("[{}]", address.host) : address.host;
    GdbListener made(std::move(fd), Fd(), {}, text("target remote {}:{}", host, port));
    TRY(made.make_keeper());
    return made;
  }
  usize slash = address.path.rfind('/');
  std::string folder = slash == std::string::npos ? "."
                       : slash == 0               ? "/"
                                                  : address.path.substr(0, slash);
  Fd where(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!where.valid()) return fail_errno(text("--gdb: {}", folder), errno);
  Fd fd = TRY(listen_unix(address.path));
  GdbListener made(std::move(fd), std::move(where),
                   slash == std::string::npos ? address.path : address.path.substr(slash + 1),
                   text("target remote {}", address.path));
  TRY(made.make_keeper());
  return made;
}

Result<void> GdbListener::make_keeper() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
    return fail_errno("--gdb: cannot make a pair of sockets", errno);
  keeper_in_.reset(ends[0]);
  keeper_out_.reset(ends[1]);
  return {};
}

namespace {

// One message: the terms, and beside them the descriptor.
struct KeptMessage {
  inspect::gdb::Terms terms;
  iovec data{&terms, sizeof terms};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
  msghdr header{};

  KeptMessage() {
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
};

}  // namespace

void GdbListener::keep(const Kept& kept) const {
  KeptMessage message;
  message.terms = kept.terms;
  cmsghdr* part = CMSG_FIRSTHDR(&message.header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int));
  int fd = kept.client.get();
  std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
  // Where it fails the connection ends with this boot, which gdb can cope with.
  [[maybe_unused]] auto sent = ::sendmsg(keeper_in_.get(), &message.header, MSG_NOSIGNAL);
}

std::optional<GdbListener::Kept> GdbListener::take_kept() const {
  KeptMessage message;
  if (::recvmsg(keeper_out_.get(), &message.header, MSG_CMSG_CLOEXEC) != sizeof message.terms)
    return std::nullopt;
  const cmsghdr* part = CMSG_FIRSTHDR(&message.header);
  if (part == nullptr || part->cmsg_type != SCM_RIGHTS) return std::nullopt;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
  return Kept{Fd(fd), message.terms};
}

GdbListener::GdbListener(Fd fd, Fd folder, std::string name, std::string command)
    : fd_(std::move(fd)),
      folder_(std::move(folder)),
      name_(std::move(name)),
      command_(std::move(command)),
      owner_(::getpid()) {}

int GdbListener::folder() const {
  return folder_.valid() && owner_ == ::getpid() ? folder_.get() : -1;
}

GdbListener::~GdbListener() {
  if (fd_.valid() && folder() >= 0) ::unlinkat(folder(), name_.c_str(), 0);
}

}  // namespace pv::vmm
