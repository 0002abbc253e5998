#include "control/client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/clock.h"
#include "base/text.h"

namespace pv::control {
namespace {

bool lost(int error) { return error == EPIPE || error == ECONNRESET; }

// The whole answer; nullopt when the connection ends before.
Result<std::optional<std::string>> read_reply(int fd) {
  std::string reply;
  while (!is_complete(reply)) {
    char block[4096];
    const ssize_t got = ::recv(fd, block, sizeof block, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN)
      return fail(Error::Kind::host, "it does not answer",
                  "it may be halted by a debugger or a signal");
    if (got == 0 || (got < 0 && lost(errno))) return std::nullopt;
    if (got < 0) return fail_errno("cannot read the answer", errno);
    reply.append(block, static_cast<usize>(got));
    if (reply.size() > max_reply) return fail(Error::Kind::host, "its answer has no end");
  }
  return reply;
}

// Sends a request and reads its answer; nullopt when the connection ends before: the VM has ended,
// or is about to boot again.
Result<std::optional<std::string>> ask(int fd, const Request& what) {
  const std::string line = request_line(what);
  const ssize_t sent = ::send(fd, line.data(), line.size(), MSG_NOSIGNAL);
  if (sent < 0 && lost(errno)) return std::nullopt;
  if (sent != static_cast<ssize_t>(line.size()))
    return fail_errno("cannot send the request", errno);
  return read_reply(fd);
}

// The VM's process holds the connection open until it has ended.
Result<void> wait_for_end(const Running& vm, int fd) {
  const i64 deadline = monotonic_ms() + stop_timeout_ms;
  bool connected = true;
  for (i64 left = stop_timeout_ms; left > 0; left = deadline - monotonic_ms()) {
    pollfd entry{.fd = connected ? fd : -1, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, connected ? static_cast<int>(left) : 20);
    if (ready > 0) connected = false;
    // A server with many clients may have dropped this one: only the name's end is proof.
    if (!connected && vm.directory->state(vm.name) != Directory::State::alive) return {};
  }
  return fail(Error::Kind::host, "it has been asked to end but is still running");
}

bool has_ended(const Running& vm) {
  const auto state = vm.directory->state(vm.name);
  return state == Directory::State::none || state == Directory::State::stale;
}

Result<Reply> exchange(const Running& vm, const Request& what) {
  const i64 deadline = monotonic_ms() + request_timeout_ms;
  for (;;) {
    const i64 left = deadline - monotonic_ms();
    if (left <= 0) return fail(Error::Kind::host, "it boots again and again before it answers");
    const auto fd = vm.directory->connect(vm.name, static_cast<int>(left));
    if (!fd && !has_ended(vm)) return std::unexpected(fd.error());
    std::optional<std::string> answer;
    if (fd) answer = TRY(ask(fd->get(), what));
    if (answer) {
      Reply reply = TRY(parse_reply(*answer));
      if (what.verb == Verb::stop) TRY(wait_for_end(vm, fd->get()));
      return reply;
    }
    if (has_ended(vm)) {
      if (what.verb == Verb::stop) return Reply{};
      return fail(Error::Kind::host, "it ended before it answered");
    }
    sleep_ms(5);
  }
}

}  // namespace

std::vector<Running> running_vms(const std::vector<Directory>& directories) {
  std::vector<Running> found;
  for (const Directory& directory : directories)
    for (const std::string& name : directory.names()) {
      const auto state = directory.state(name);
      if (state == Directory::State::stale) directory.clear_stale(name);
      if (state == Directory::State::alive) found.push_back({name, &directory});
    }
  std::sort(found.begin(), found.end(),
            [](const Running& a, const Running& b) { return a.name < b.name; });
  return found;
}

Result<Reply> request(const Running& vm, Request what) {
  return TRY(exchange(vm, what), text("VM \"{}\"", vm.name));
}

Result<Connection> Connection::open(const Running& vm) {
  return Connection(TRY(vm.directory->connect(vm.name, request_timeout_ms)), vm.name);
}

Connection Connection::over(Fd fd, std::string name) {
  constexpr timeval timeout{.tv_sec = request_timeout_ms / 1000, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  return {std::move(fd), std::move(name)};
}

Result<Reply> Connection::request(Request what) {
  const std::string vm = text("VM \"{}\"", name_);
  if (owed_) {
    if (!TRY(read_reply(fd_.get()), vm)) return fail(Error::Kind::host, vm + " has ended");
    owed_ = false;
  }
  owed_ = true;
  const auto answer = TRY(ask(fd_.get(), what), vm);
  if (!answer) return fail(Error::Kind::host, vm + " has ended");
  owed_ = false;
  return TRY(parse_reply(*answer), vm);
}

}  // namespace pv::control
