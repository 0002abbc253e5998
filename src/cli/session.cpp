#include "cli/session.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/handed_fd.h"
#include "base/text.h"

namespace pv::cli {

Result<Identity> Identity::create(Log& log, const config::VmConfig& config) {
  Identity identity{config.name.empty() ? text("guest-{}", ::getpid()) : config.name, {}};
  const auto lost = [&](const Error& error) {
    log.warn("this VM cannot be listed or controlled: {}", error.message);
    return std::move(identity);
  };
  auto directory = control::Directory::open();
  if (!directory) return lost(directory.error());
  auto entry = control::Registration::create(std::move(*directory), identity.name);
  if (!entry && entry.error().kind != Error::Kind::usage) return lost(entry.error());
  identity.entry.emplace(TRY(std::move(entry)));
  return identity;
}

namespace {
Result<control::Registration> open_socket(const config::VmConfig& config, const std::string& name) {
  auto handed = duplicate_named(config.socket);
  if (!handed)
    return fail(Error::Kind::usage, text("--socket: {} is not a descriptor", config.socket));
  Fd listener = TRY(std::move(*handed), "--socket");
  return TRY(control::Registration::handed_over(std::move(listener), name), "--socket");
}
}  // namespace

Result<std::unique_ptr<Session>> Session::create(loop::EventLoop& loop, Log& log,
                                                 const config::VmConfig& config,
                                                 Descriptors descriptors,
                                                 std::optional<Identity> identity) {
  std::unique_ptr<Session> session(new Session(loop, log, descriptors));
  session->signals_ = TRY(Signals::create(loop, session->signal_handlers()));
  if (!identity) identity.emplace(TRY(Identity::create(log, config)));
  session->identity_.name = std::move(identity->name);
  if (!config.socket.empty()) session->handed_.emplace(TRY(open_socket(config, session->name())));
  if (identity->entry) session->identity_.entry.emplace(std::move(*identity->entry));
  return session;
}

Session::~Session() {
  input_.reset();  // the terminal first: what follows may have something to say
  server_.reset();
  handed_server_.reset();
}

Result<void> Session::attach(Machine& machine) {
  machine_ = &machine;
  if (identity_.entry) {
    server_ = TRY(control::Server::create(loop_, log_, *this, std::move(*identity_.entry)));
    identity_.entry.reset();
  }
  if (handed_) {
    handed_server_ = TRY(control::Server::create(loop_, log_, *this, std::move(*handed_)));
    handed_.reset();
  }
  control::Server* server = server_ ? server_.get() : handed_server_.get();
  if (client_.valid() && server != nullptr) server->adopt(std::move(client_));
  ConsoleInput::Handlers handlers;
  handlers.receive = [this](Bytes bytes) { return machine_->receive(bytes); };
  handlers.leave = [this] { end_run("Ctrl-a x"); };
  handlers.help = [this] { write_or_drop(descriptors_.err, bytes_of(escape_help), 0); };
  input_ = std::make_unique<ConsoleInput>(loop_, log_, terminal_, std::move(handlers));
  TRY(input_->start(), "standard input");
  send_size();
  if (stop_wanted_) end_run("a signal");
  return {};
}

void Session::detach() {
  // The input object stays: a thread of the VM may be about to tell it of room.
  if (input_) input_->stop();
  machine_ = nullptr;
}

void Session::room() {
  if (input_) input_->room();
}

Signals::Handlers Session::signal_handlers() {
  return {.stop = [this](int number) { end_run(text("SIG{}", sigabbrev_np(number))); },
          .resized = [this] { send_size(); },
          .suspend = [this] { suspend(); },
          .continued =
              [this] {
                if (input_) input_->continued();
                send_size();
              }};
}

Result<void> Session::stop(control::Stopper by) {
  stop_wanted_ = true;
  return machine_ != nullptr ? machine_->stop(by) : Result<void>();
}

void Session::end_run(std::string_view why) {
  if (machine_ != nullptr) log_.info("the run ends: {}", why);
  if (const auto stopped = stop(control::Stopper::owner); !stopped)
    log_.error("cannot end the run: {}", stopped.error().message);
}

bool Session::stop_wanted() {
  signals_->deliver();
  if (server_ && server_->late_stop()) stop_wanted_ = true;
  if (handed_server_ && handed_server_->late_stop()) stop_wanted_ = true;
  return stop_wanted_;
}

// SIGTSTP: halts the process with the terminal as it was found. Going on arrives as SIGCONT.
void Session::suspend() {
  if (input_) input_->suspend();
  ::kill(::getpid(), SIGSTOP);
}

void Session::send_size() {
  const auto size = terminal_.size();
  if (size && machine_ != nullptr) machine_->resize(size->rows, size->columns);
}

}  // namespace pv::cli
