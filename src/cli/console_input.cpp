#include "cli/console_input.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"

namespace pv::cli {

ConsoleInput::ConsoleInput(loop::EventLoop& loop, Log& log, Terminal& terminal, Handlers handlers)
    : loop_(loop),
      log_(log),
      terminal_(terminal),
      handlers_(std::move(handlers)),
      self_(std::make_shared<ConsoleInput*>(this)) {}

ConsoleInput::~ConsoleInput() {
  unwatch();
  terminal_.restore();
}

Result<void> ConsoleInput::start() {
  terminal_.enter_raw();
  return watch();
}

// Waits for input in the way that suits what it is.
Result<void> ConsoleInput::watch() {
  if (!pollable_) {
    mode_ = Mode::pumping;
    post_pump();
    return {};
  }
  const bool elsewhere = terminal_.is_terminal() && !terminal_.foreground();
  const u32 events = elsewhere ? u32{EPOLLIN | EPOLLET} : u32{EPOLLIN};
  auto watched = loop_.watch(terminal_.fd(), events, [this] { ready(); });
  if (watched) {
    mode_ = elsewhere ? Mode::background : Mode::watching;
    return {};
  }
  struct stat st;
  if (::fstat(terminal_.fd(), &st) < 0) {  // `<&-`: there is no standard input
    end("it is closed");
    return {};
  }
  if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)) return watched;
  pollable_ = false;  // a regular file, /dev/null
  return watch();
}

void ConsoleInput::unwatch() {
  if (mode_ == Mode::watching || mode_ == Mode::background) loop_.unwatch(terminal_.fd());
  mode_ = Mode::idle;
}

void ConsoleInput::ready() {
  if (!terminal_.is_terminal()) return read_chunk();
  // Reading as a background job would halt the whole process (SIGTTIN).
  if (!terminal_.foreground()) {
    if (mode_ != Mode::background) rewatch();
    return;
  }
  if (mode_ == Mode::background) return continued();
  read_chunk();
}

void ConsoleInput::read_chunk() {
  std::array<u8, 1024> chunk;
  const ssize_t got = ::read(terminal_.fd(), chunk.data(), chunk.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got == 0) return end("it has ended");
  if (got < 0) return end(fail_errno("read", errno).error().message);
  const Bytes bytes(chunk.data(), static_cast<usize>(got));
  if (!terminal_.is_terminal()) {
    pending_.assign(bytes.begin(), bytes.end());  // empty before: nothing is read until it is
    return deliver();
  }
  EscapeFilter::Result keys = filter_.feed(bytes);
  const usize room = kept_for_guest - std::min(pending_.size(), kept_for_guest);
  pending_.insert(pending_.end(), keys.guest.begin(),
                  keys.guest.begin() + static_cast<i64>(std::min(room, keys.guest.size())));
  deliver();
  if (keys.help) handlers_.help();
  if (keys.leave) handlers_.leave();
}

// Gives the device what it will take, and adjusts whether more is read.
void ConsoleInput::deliver() {
  while (!pending_.empty()) {
    const usize taken = std::min(handlers_.receive(pending_), pending_.size());
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<i64>(taken));
    if (taken == 0) break;
  }
  if (mode_ == Mode::ended || terminal_.is_terminal()) return;
  if (!pending_.empty()) {
    unwatch();  // until there is room
  } else if (mode_ == Mode::pumping) {
    post_pump();
  } else if (mode_ == Mode::idle) {
    rewatch();
  }
}

void ConsoleInput::rewatch() {
  unwatch();
  if (const auto watched = watch(); !watched) end(watched.error().message);
}

void ConsoleInput::post_pump() {
  loop_.post([weak = std::weak_ptr(self_)] {
    const auto self = weak.lock();
    if (self && (*self)->mode_ == Mode::pumping) (*self)->read_chunk();
  });
}

void ConsoleInput::room() {
  // One task at a time is enough: it offers everything that is pending.
  if (room_posted_.exchange(true)) return;
  loop_.post([weak = std::weak_ptr(self_)] {
    const auto self = weak.lock();
    if (!self) return;
    (*self)->room_posted_.store(false);
    if (!(*self)->pending_.empty()) (*self)->deliver();
  });
}

void ConsoleInput::suspend() { terminal_.restore(); }

void ConsoleInput::stop() {
  unwatch();
  mode_ = Mode::ended;
  terminal_.restore();
}

void ConsoleInput::continued() {
  if (!terminal_.is_terminal() || mode_ == Mode::ended || mode_ == Mode::idle) return;
  terminal_.reenter_raw();
  rewatch();
}

void ConsoleInput::end(std::string_view why) {
  unwatch();
  mode_ = Mode::ended;
  log_.info("the console takes no more input: {}", why);
}

}  // namespace pv::cli
