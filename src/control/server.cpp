#include "control/server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "control/inspection.h"

namespace pv::control {

Result<std::unique_ptr<Server>> Server::create(loop::EventLoop& loop, Log& log, Target& target,
                                               Registration registration) {
  Fd spare(::fcntl(registration.listener(), F_DUPFD_CLOEXEC, 0));
  std::unique_ptr<Server> server(
      new Server(loop, log, target, std::move(registration), std::move(spare)));
  Server* raw = server.get();
  TRY(loop.watch(raw->registration_.listener(), [raw] { raw->accept_ready(); }));
  return server;
}

Server::~Server() {
  loop_.unwatch(registration_.listener());
  for (auto& [fd, client] : clients_) loop_.unwatch(fd);
  // The members go in reverse order: clients_ would be closed before the name is removed, and a
  // client that waits for the end of the connection must find the name gone.
  {
    const Registration ended = std::move(registration_);
  }
}

bool Server::late_stop() {
  for (usize i = 0; i < max_clients; ++i) {
    Fd fd(::accept4(registration_.listener(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) break;
    add(std::move(fd));
  }
  bool stopped = false;
  for (auto& [fd, client] : clients_) {
    if (client.closing || !client.output.empty() || !read_some(client)) continue;
    const std::string_view line = std::string_view(client.input).substr(0, client.input.find('\n'));
    const auto request = parse_request(line);
    if (!request || request->verb != Verb::stop || line.size() == client.input.size()) continue;
    client.output = ok_reply();
    send_output(client);
    stopped = true;
  }
  return stopped;
}

void Server::accept_ready() {
  const int listener = registration_.listener();
  Fd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.valid()) return add(std::move(fd));
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
  const int error = errno;
  // Out of descriptors: take the connection with the spare one and close it, or the loop would be
  // told about it for ever.
  spare_.reset();
  Fd refused(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  const bool taken = refused.valid() || errno == EAGAIN;
  refused.reset();
  spare_.reset(::fcntl(listener, F_DUPFD_CLOEXEC, 0));
  if (taken) return;
  loop_.unwatch(listener);
  log_.warn("the control socket is closed: {}", fail_errno("accept", error).error().message);
}

void Server::add(Fd fd, Stopper who) {
  if (clients_.size() >= max_clients) drop_longest_silent();
  const int number = fd.get();
  if (!loop_.watch(number, [this, number] { readable(number); })) return;
  Client client{.fd = std::move(fd), .last_use = ++uses_, .input = {}, .output = {}, .who = who};
  clients_.emplace(number, std::move(client));
}

void Server::drop(int fd) {
  loop_.unwatch(fd);
  clients_.erase(fd);
}

void Server::drop_longest_silent() {
  const auto silent = std::min_element(
      clients_.begin(), clients_.end(),
      [](const auto& a, const auto& b) { return a.second.last_use < b.second.last_use; });
  drop(silent->first);
}

void Server::readable(int fd) {
  const auto found = clients_.find(fd);
  if (found == clients_.end()) return;
  Client& client = found->second;
  if (!read_some(client)) return drop(fd);
  client.last_use = ++uses_;
  answer_requests(client);
  if (client.closing && client.output.empty()) return drop(fd);
  if (client.output.empty()) return;
  // The client does not read: wait for that, and for nothing else.
  loop_.unwatch(fd);
  if (!loop_.watch(fd, EPOLLOUT, [this, fd] { writable(fd); })) drop(fd);
}

void Server::writable(int fd) {
  const auto found = clients_.find(fd);
  if (found == clients_.end()) return;
  Client& client = found->second;
  send_output(client);
  if (client.output.empty() && !client.closing) answer_requests(client);
  if (!client.output.empty()) return;
  if (client.closing) return drop(fd);
  loop_.unwatch(fd);
  if (!loop_.watch(fd, [this, fd] { readable(fd); })) drop(fd);
}

// False: the client has gone.
bool Server::read_some(Client& client) {
  char block[max_request];
  const usize room = max_request - client.input.size();
  const ssize_t got = ::recv(client.fd.get(), block, room, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  client.input.append(block, static_cast<usize>(got));
  return got > 0;
}

void Server::answer_requests(Client& client) {
  while (client.output.empty() && !client.closing) {
    const usize end = client.input.find('\n');
    if (end == std::string::npos) {
      if (client.input.size() < max_request) return;
      client.output = error_reply({Error::Kind::usage, "the request is too long", {}});
      client.closing = true;
    } else {
      client.output = answer(std::string_view(client.input).substr(0, end), client);
      client.input.erase(0, end + 1);
    }
    send_output(client);
  }
}

void Server::send_output(Client& client) {
  while (!client.output.empty()) {
    const ssize_t sent =
        ::send(client.fd.get(), client.output.data(), client.output.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) {  // the client has gone: nothing is left to be done for it
      client.output.clear();
      client.closing = true;
      return;
    }
    client.output.erase(0, static_cast<usize>(sent));
  }
}

std::string Server::answer(std::string_view line, Client& client) {
  const auto request = parse_request(line);
  if (!request) {
    client.closing = true;
    return error_reply(request.error());
  }
  log_.debug("control request: {}", pv::control::name(request->verb));
  const auto done = [](const Result<void>& result) {
    return result ? ok_reply() : error_reply(result.error());
  };
  switch (request->verb) {
    case Verb::stat: return stat_reply(target_.stat(), registration_.owner());
    case Verb::pause: return done(target_.pause());
    case Verb::resume: return done(target_.resume());
    case Verb::stop: return done(target_.stop(client.who));
    case Verb::facts: return facts_reply(target_.facts());
    case Verb::registers: {
      const auto file = target_.registers(request->first);
      return file ? registers_reply(*file) : error_reply(file.error());
    }
    case Verb::memory: {
      const auto bytes = target_.memory(request->first, request->second);
      return bytes ? memory_reply(*bytes) : error_reply(bytes.error());
    }
    case Verb::search:
      return search_reply(target_.search({memory::GuestAddress(request->first), request->second},
                                         request->pattern));
  }
  return error_reply({Error::Kind::usage, "unknown request", {}});
}

}  // namespace pv::control
