#include "vmm/gdb_server.h"

#include <sys/socket.h>

#include <cerrno>

namespace pv::vmm {
namespace {

constexpr usize max_output = 1_MiB;  // a client that takes nothing is dropped

}  // namespace

Result<std::unique_ptr<GdbServer>> GdbServer::create(loop::EventLoop& loop, Log& log,
                                                     const GdbListener& listener,
                                                     Debugger& debugger) {
  std::unique_ptr<GdbServer> server(new GdbServer(loop, log, listener, debugger));
  GdbServer* raw = server.get();
  TRY(loop.watch(listener.fd(), [raw] { raw->accept_ready(); }));
  if (auto kept = listener.take_kept()) {
    debugger.hold_start(false);
    raw->kept_ = std::move(*kept);
    loop.post([raw] { raw->go_on(); });
  }
  return server;
}

GdbServer::~GdbServer() {
  loop_.unwatch(listener_.fd());
  if (client_.valid()) loop_.unwatch(client_.get());
}

void GdbServer::accept_ready() {
  Fd client(::accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!client.valid()) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    loop_.unwatch(listener_.fd());
    log_.warn("no gdb can connect any more: {}", fail_errno("accept", errno).error().message);
    return;
  }
  if (client_.valid() || kept_.client.valid()) {
    log_.guest(refusals_, "a second gdb wanted to connect: there is one already");
    return;
  }
  begin(std::move(client), {});
}

// The guest has been reset under a client's hands: that sees it at its first instruction.
void GdbServer::go_on() {
  bool running = kept_.terms.running;
  begin(std::move(kept_.client), kept_.terms);
  if (!stub_ || !running) return;
  stub_->note("The guest has reset itself and stands at its first instruction.");
  stub_->stopped({});
}

void GdbServer::begin(Fd client, inspect::gdb::Terms terms) {
  client_ = std::move(client);
  if (!loop_.watch(client_.get(), [this] { ready(); })) {
    client_.reset();
    return;
  }
  auto why = debugger_.attach({.stopped = [this](const auto& stop) { stub_->stopped(stop); },
                               .note = [this](std::string line) { stub_->note(line); }});
  auto file = debugger_.read_registers(why.cpu, hv::all_registers);
  if (!file) {
    log_.warn("gdb cannot be served: {}", file.error().message);
    return drop();
  }
  stub_ = std::make_unique<inspect::gdb::Stub>(
      debugger_, inspect::gdb::describe(*file), why, [this](std::string_view text) { send(text); },
      terms);
  if (auto lacks = debugger_.shortcomings(); !lacks.empty()) {
    stub_->note("polyvisor: " + lacks + " (monitor limits)");
    log_.info("gdb: {}", lacks);
  }
}

void GdbServer::ready() {
  flush();
  u8 block[4096];
  ssize_t got = ::recv(client_.get(), block, sizeof block, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return drop();
  stub_->receive({block, static_cast<usize>(got)});
  if (stub_->finished() || output_.size() > max_output) drop();
}

void GdbServer::send(std::string_view text) {
  output_ += text;
  flush();
}

void GdbServer::flush() {
  while (!output_.empty()) {
    ssize_t sent = ::send(client_.get(), output_.data(), output_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) output_.clear();  // its end will be read
    if (sent < 0) break;
    output_.erase(0, static_cast<usize>(sent));
  }
  bool waits = !output_.empty();
  if (waits == watches_output_) return;
  watches_output_ = waits;
  u32 events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN;
  loop_.unwatch(client_.get());
  [[maybe_unused]] auto watched = loop_.watch(client_.get(), events, [this] { ready(); });
}

void GdbServer::drop() {
  loop_.unwatch(client_.get());
  bool vanished = debugger_.attached();
  bool goes_on = debugger_.abandon();
  if (vanished)
    log_.info("gdb has gone; {}", goes_on ? "the guest goes on" : "the guest waits for the next");
  stub_.reset();
  output_.clear();
  watches_output_ = false;
  client_.reset();
}

void GdbServer::ended(const Outcome& outcome, bool again) {
  if (!stub_) return;
  using Kind = Outcome::Kind;
  if (outcome.kind == Kind::reset && again) {
    flush();
    loop_.unwatch(client_.get());
    return listener_.keep({std::move(client_), stub_->terms()});
  }
  constexpr u8 aborted = 6, terminated = 15;
  switch (outcome.kind) {
    case Kind::power_off: stub_->exited(0); break;
    case Kind::guest_code: stub_->exited(outcome.code); break;
    case Kind::reset:
      stub_->note("The guest has reset itself.");
      stub_->exited(0);
      break;
    case Kind::crash:
    case Kind::panic:
    case Kind::host_error: stub_->killed(aborted); break;
    case Kind::hung:
    case Kind::stopped: stub_->killed(terminated); break;
  }
}

}  // namespace pv::vmm
