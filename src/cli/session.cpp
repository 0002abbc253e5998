#include "cli/session.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

namespace pv::cli {

Result<std::unique_ptr<Session>> Session::create(loop::EventLoop& loop, Log& log,
                                                 const config::VmConfig& config,
                                                 Descriptors descriptors) {
  std::unique_ptr<Session> session(new Session(loop, log, descriptors));
  session->signals_ = TRY(Signals::create(loop, session->signal_handlers()));
  TRY(session->register_name(config));
  return session;
}

Session::~Session() {
  input_.reset();  // the terminal first: what follows may have something to say
  server_.reset();
}

Result<void> Session::register_name(const config::VmConfig& config) {
  name_ = config.name.empty() ? text("guest-{}", ::getpid()) : config.name;
  const auto lost = [&](const Error& error) {
    log_.warn("this VM cannot be listed or controlled: {}", error.message);
    return Result<void>();
  };
  auto directory = control::Directory::open();
  if (!directory) return lost(directory.error());
  auto registration = control::Registration::create(std::move(*directory), name_);
  if (!registration && registration.error().kind != Error::Kind::usage)
    return lost(registration.error());
  registration_.emplace(TRY(std::move(registration)));
  return {};
}

Result<void> Session::attach(Machine& machine) {
  machine_ = &machine;
  if (registration_) {
    server_ = TRY(control::Server::create(loop_, log_, machine, std::move(*registration_)));
    registration_.reset();
  }
  ConsoleInput::Handlers handlers;
  handlers.receive = [this](Bytes bytes) { return machine_->receive(bytes); };
  handlers.leave = [this] { stop("Ctrl-a x"); };
  handlers.help = [this] {
    write_or_drop(descriptors_.err,
                  {reinterpret_cast<const u8*>(escape_help.data()), escape_help.size()}, 0);
  };
  input_ = std::make_unique<ConsoleInput>(loop_, log_, terminal_, std::move(handlers));
  TRY(input_->start(), "standard input");
  send_size();
  if (stop_wanted_) stop("a signal");
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
  return {.stop = [this](int number) { stop(text("SIG{}", sigabbrev_np(number))); },
          .resized = [this] { send_size(); },
          .suspend = [this] { suspend(); },
          .continued =
              [this] {
                if (input_) input_->continued();
                send_size();
              }};
}

void Session::stop(std::string_view why) {
  if (machine_ == nullptr) {
    stop_wanted_ = true;
    return;
  }
  log_.info("the run ends: {}", why);
  if (const auto stopped = machine_->stop(); !stopped)
    log_.error("cannot end the run: {}", stopped.error().message);
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
