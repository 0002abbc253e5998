#include "cli/console_output.h"

#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/result.h"

namespace pv::cli {
namespace {
// What Linux's terminals take without waiting when poll(2) says that there is room (tty.h,
// WAKEUP_CHARS; newlines may become two characters).
constexpr usize terminal_room = 128;
}  // namespace

ConsoleOutput::ConsoleOutput(int fd, Log& log, std::chrono::milliseconds patience)
    : fd_(fd), log_(log), patience_ms_(static_cast<int>(patience.count())) {
  struct stat st;
  const bool known = ::fstat(fd, &st) == 0;
  // A terminal can be stopped (XOFF), or be a pseudo terminal that nobody reads.
  const bool terminal = known && S_ISCHR(st.st_mode) && ::isatty(fd) == 1;
  may_block_ = known && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || terminal);
  if (terminal) at_once_ = terminal_room;
}

void ConsoleOutput::write(Bytes bytes) {
  while (!bytes.empty() && !gone_) {
    if (may_block_ && !wait_for_room()) return;
    const usize size = may_block_ ? std::min(bytes.size(), at_once_) : bytes.size();
    const ssize_t written = ::write(fd_, bytes.data(), size);
    if (written > 0) {
      bytes = bytes.subspan(static_cast<usize>(written));
    } else if (written < 0 && errno == EAGAIN) {
      may_block_ = true;  // somebody made it non-blocking
    } else if (written == 0 || errno != EINTR) {
      gone_ = true;
      log_.warn("the console's output is lost from here on: {}",
                fail_errno("write", errno).error().message);
    }
  }
}

bool ConsoleOutput::wait_for_room() {
  pollfd entry{.fd = fd_, .events = POLLOUT, .revents = 0};
  int ready;
  do {
    ready = ::poll(&entry, 1, stalled_ ? 0 : patience_ms_);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0 && !stalled_)
    log_.warn("nobody reads the console's output: it is dropped until somebody does");
  stalled_ = ready == 0;
  return !stalled_;
}

}  // namespace pv::cli
