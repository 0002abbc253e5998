#include "control/registry.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/clock.h"
#include "base/text.h"
#include "config/validate.h"

namespace pv::control {
namespace {

constexpr std::string_view suffix = ".sock";

std::string file_of(const std::string& name) { return name + std::string(suffix); }

// Where this user's VMs may be registered, best first.
std::vector<std::string> candidates() {
  std::vector<std::string> paths;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const uid_t user = ::geteuid();
  struct stat st;
  // Root may have inherited another user's: what it made there, that user could not use.
  std::string usual = user == 0 ? "/run" : text("/run/user/{}", user);
  struct stat same{};
  if (runtime != nullptr && runtime[0] == '/' && ::stat(runtime, &st) == 0 && st.st_uid == user) {
    paths.push_back(text("{}/polyvisor", runtime));
    // The same folder twice would list, and stop, every VM twice.
    if (::stat(usual.c_str(), &same) == 0 && same.st_dev == st.st_dev && same.st_ino == st.st_ino)
      return paths;
  }
  paths.push_back(usual + "/polyvisor");
  return paths;
}

Result<void> check_private(const std::string& path, int fd) {
  struct stat st;
  if (::fstat(fd, &st) < 0) return fail_errno(path, errno);
  if (st.st_uid != ::geteuid())
    return fail(Error::Kind::host, text("{} belongs to another user", path));
  if ((st.st_mode & 077) != 0)
    return fail(Error::Kind::host, text("{} is open to other users", path),
                text("chmod 700 {}", path));
  return {};
}

// The address of `file` in a directory. Paths too long for a socket's address (108 bytes) go
// through the directory's descriptor.
Result<sockaddr_un> address_of(const std::string& directory, int fd, const std::string& file) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = text("{}/{}", directory, file);
  if (path.size() >= sizeof address.sun_path) path = text("/proc/self/fd/{}/{}", fd, file);
  if (path.size() >= sizeof address.sun_path)
    return fail(Error::Kind::host, text("the path of the socket {} is too long", file));
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

// Held while entries are added or cleared. A file system without locks is used without.
class Directory::Lock {
 public:
  static Result<Lock> take(const Directory& directory) {
    // Whoever holds it does so for a few system calls; one that was halted meanwhile must not halt
    // everybody else.
    for (int attempt = 0; attempt < 100; ++attempt) {
      if (::flock(directory.fd_.get(), LOCK_EX | LOCK_NB) == 0) return Lock(directory.fd_.get());
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) return Lock(-1);
      sleep_ms(20);
    }
    return fail(Error::Kind::host, text("{} is locked by another process", directory.path_));
  }
  Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Lock& operator=(Lock&&) = delete;
  ~Lock() {
    if (fd_ >= 0) ::flock(fd_, LOCK_UN);
  }

 private:
  explicit Lock(int fd) : fd_(fd) {}
  int fd_;
};

Result<Directory> Directory::open_at(const std::string& path, bool make) {
  if (make && ::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST)
    return fail_errno(text("cannot make {}", path), errno);
  Fd fd = TRY(open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY(check_private(path, fd.get()));
  return Directory(path, std::move(fd));
}

Result<Directory> Directory::open() {
  std::string why;
  for (const std::string& path : candidates()) {
    auto directory = open_at(path, /*make=*/true);
    if (directory) return directory;
    if (!why.empty()) why += "; ";
    why += directory.error().message;
  }
  return fail(Error::Kind::host, std::move(why));
}

std::vector<Directory> Directory::existing() {
  std::vector<Directory> found;
  for (const std::string& path : candidates())
    if (auto directory = open_at(path, /*make=*/false)) found.push_back(std::move(*directory));
  return found;
}

std::vector<std::string> Directory::names() const {
  std::vector<std::string> found;
  // A descriptor of its own: reading moves the position.
  const int fd = ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = fd < 0 ? nullptr : ::fdopendir(fd);
  if (stream == nullptr) {
    if (fd >= 0) ::close(fd);
    return found;
  }
  while (const dirent* entry = ::readdir(stream)) {
    std::string_view file = entry->d_name;
    if (!file.ends_with(suffix)) continue;
    file.remove_suffix(suffix.size());
    struct stat st;
    const bool foreign =
        ::fstatat(fd_.get(), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISSOCK(st.st_mode);
    if (!foreign && config::validate_name(file)) found.emplace_back(file);
  }
  ::closedir(stream);
  std::sort(found.begin(), found.end());
  return found;
}

// A connected socket, or -errno.
Result<int> Directory::try_connect(const std::string& name, int flags, int timeout_ms) const {
  const sockaddr_un address = TRY(address_of(path_, fd_.get(), file_of(name)));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd.valid()) return fail_errno("cannot make a Unix socket", errno);
  timeval timeout{};
  timeout.tv_sec = timeout_ms / 1000;
  timeout.tv_usec = timeout_ms % 1000 * 1000;
  if (timeout_ms > 0) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  }
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return -errno;
  return fd.release();
}

Directory::State Directory::state(const std::string& name) const {
  const auto result = try_connect(name, SOCK_NONBLOCK, 0);
  if (!result) return State::alive;  // not known: leave it alone
  if (*result >= 0) {
    ::close(*result);
    return State::alive;
  }
  if (*result == -ENOENT) return State::none;
  if (*result != -ECONNREFUSED) return State::alive;  // EAGAIN: it listens, but its queue is full
  struct stat st;  // a file that is no socket refuses, too, and is not ours to remove
  if (::fstatat(fd_.get(), file_of(name).c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) return State::none;
  return S_ISSOCK(st.st_mode) ? State::stale : State::alive;
}

void Directory::clear_stale(const std::string& name) const {
  const auto lock = Lock::take(*this);
  if (lock && state(name) == State::stale) ::unlinkat(fd_.get(), file_of(name).c_str(), 0);
}

Result<Fd> Directory::connect(const std::string& name, int timeout_ms) const {
  const int result = TRY(try_connect(name, 0, timeout_ms));
  if (result >= 0) return Fd(result);
  if (result == -EAGAIN)
    return fail(Error::Kind::host, text("the VM \"{}\" does not answer", name),
                "it may be halted by a debugger or a signal");
  return fail_errno(text("cannot reach the VM \"{}\"", name), -result);
}

Result<Registration> Registration::create(Directory directory, const std::string& name) {
  TRY(config::validate_name(name));
  const std::string file = file_of(name);
  const sockaddr_un address = TRY(address_of(directory.path_, directory.fd_.get(), file));
  const auto lock = TRY(Directory::Lock::take(directory));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fail_errno("cannot make a Unix socket", errno);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  int bound = ::bind(fd.get(), generic, sizeof address);
  if (bound < 0 && errno == EADDRINUSE) {
    struct stat st;
    if (::fstatat(directory.fd_.get(), file.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISSOCK(st.st_mode))
      return fail(Error::Kind::host,
                  text("{}/{} is in the way: it is no socket", directory.path_, file),
                  "remove it, or choose another --name");
    if (directory.state(name) == Directory::State::alive)
      return fail(Error::Kind::usage, text("a VM named \"{}\" is already running", name),
                  text("choose another --name, or end it: polyvisor stop {}", name));
    ::unlinkat(directory.fd_.get(), file.c_str(), 0);
    bound = ::bind(fd.get(), generic, sizeof address);
  }
  if (bound < 0) return fail_errno(text("cannot make {}/{}", directory.path_, file), errno);
  // Nobody takes the entry for stale between bind and listen: clearing needs the lock.
  if (::listen(fd.get(), 16) < 0) {
    const int error = errno;
    ::unlinkat(directory.fd_.get(), file.c_str(), 0);
    return fail_errno(text("cannot listen on {}/{}", directory.path_, file), error);
  }
  return Registration(std::move(directory), name, std::move(fd));
}

Result<Registration> Registration::handed_over(Fd listener, const std::string& name) {
  int listens = 0, domain = 0;
  socklen_t size = sizeof listens;
  const bool is_socket =
      ::getsockopt(listener.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0;
  size = sizeof domain;
  if (!is_socket || listens == 0 ||
      ::getsockopt(listener.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || domain != AF_UNIX)
    return fail(Error::Kind::usage, "the descriptor is not a Unix socket that listens",
                "bind and listen before polyvisor is started");
  const int flags = ::fcntl(listener.get(), F_GETFL);
  if (flags < 0 || ::fcntl(listener.get(), F_SETFL, flags | O_NONBLOCK) < 0)
    return fail_errno("cannot make the socket non-blocking", errno);
  return Registration(Directory({}, Fd()), name, std::move(listener));
}

Registration::Registration(Directory directory, std::string name, Fd listener)
    : directory_(std::move(directory)),
      name_(std::move(name)),
      listener_(std::move(listener)),
      owner_(::getpid()) {}

int Registration::folder() const { return owner_ == ::getpid() ? directory_.fd_.get() : -1; }

Registration::~Registration() {
  // First the name, then (by the members) the listener: while the name stands, someone listens, so
  // nobody else can have taken it.
  if (listener_.valid() && folder() >= 0) ::unlinkat(folder(), file_of(name_).c_str(), 0);
}

}  // namespace pv::control
