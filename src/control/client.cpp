#include "control/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"

namespace pv::control {
namespace {

Result<void> send_request(int fd, Verb verb) {
  const std::string line = request_line(verb);
  if (::send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size()))
    return {};
  return fail_errno("cannot send the request", errno);
}

Result<std::string> read_reply(int fd) {
  std::string reply;
  while (!is_complete(reply)) {
    char block[4096];
    const ssize_t got = ::recv(fd, block, sizeof block, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN)
      return fail(Error::Kind::host, "it does not answer",
                  "it may be halted by a debugger or a signal");
    if (got < 0) return fail_errno("cannot read the answer", errno);
    if (got == 0) return fail(Error::Kind::host, "it ended before it answered");
    reply.append(block, static_cast<usize>(got));
    if (reply.size() > max_reply) return fail(Error::Kind::host, "its answer has no end");
  }
  return reply;
}

i64 now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return i64{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// The VM's process holds the connection open until it has ended.
Result<void> wait_for_end(const Running& vm, int fd) {
  const i64 deadline = now_ms() + stop_timeout_ms;
  bool connected = true;
  for (i64 left = stop_timeout_ms; left > 0; left = deadline - now_ms()) {
    pollfd entry{.fd = connected ? fd : -1, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, connected ? static_cast<int>(left) : 20);
    if (ready > 0) connected = false;
    // A server with many clients may have dropped this one: only the name's end is proof.
    if (!connected && vm.directory->state(vm.name) != Directory::State::alive) return {};
  }
  return fail(Error::Kind::host, "it has been asked to end but is still running");
}

Result<Reply> exchange(const Running& vm, Verb verb) {
  const Fd fd = TRY(vm.directory->connect(vm.name, request_timeout_ms));
  TRY(send_request(fd.get(), verb));
  const std::string answer = TRY(read_reply(fd.get()));
  Reply reply = TRY(parse_reply(answer));
  if (verb == Verb::stop) TRY(wait_for_end(vm, fd.get()));
  return reply;
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

Result<Reply> request(const Running& vm, Verb verb) {
  return TRY(exchange(vm, verb), text("VM \"{}\"", vm.name));
}

}  // namespace pv::control
