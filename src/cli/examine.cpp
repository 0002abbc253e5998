#include "cli/examine.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/fd.h"
#include "base/text.h"
#include "cli/live_subject.h"
#include "inspect/kernel_log.h"
#include "inspect/symbols.h"

namespace pv::cli {
namespace {

i64 now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return i64{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// As read_fully(), from something that may never answer: errors (image).
Result<usize> read_in_time(int fd, MutableBytes into) {
  constexpr int patience_ms = 10'000;
  usize filled = 0;
  while (filled < into.size()) {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, patience_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0)
      return fail(Error::Kind::image, "nothing came out of it for 10 seconds",
                  "if it is slow, pipe it to standard input and give - as the file");
    const ssize_t got = ::read(fd, into.data() + filled, into.size() - filled);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return fail_errno("cannot read", errno);
    if (got == 0) break;
    filled += static_cast<usize>(got);
  }
  return filled;
}

}  // namespace

Result<std::vector<u8>> read_whole(const std::string& path, u64 most) {
  Fd file;
  if (path != "-") {
    // A pipe that nobody writes to neither opens nor ends.
    auto opened = open_file(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
    if (!opened) {
      Error error = std::move(opened).error();
      error.kind = Error::Kind::image;
      return std::unexpected(std::move(error));
    }
    file = *std::move(opened);
  }
  std::vector<u8> bytes;
  constexpr usize step = 256 << 10;
  for (;;) {
    const usize old = bytes.size();
    bytes.resize(old + step);
    const auto room = std::span(bytes).subspan(old);
    const auto read = path == "-" ? read_fully(0, room) : read_in_time(file.get(), room);
    const usize got = TRY(read, path);
    bytes.resize(old + got);
    if (got < step) return bytes;
    if (bytes.size() > most)
      return fail(Error::Kind::image, text("{} is larger than {}", path, size_text(most)));
  }
}

Result<inspect::Report> examine(inspect::Subject& subject, const Examination& how) {
  std::optional<inspect::Symbols> symbols;
  if (!how.symbols.empty()) {
    const auto file = TRY(read_whole(how.symbols, u64{1} << 30));
    symbols = TRY(inspect::Symbols::parse(file), how.symbols);
  }
  const auto wait = [] {
    constexpr timespec pause{.tv_sec = 0, .tv_nsec = 20'000'000};
    ::nanosleep(&pause, nullptr);
  };
  // A guest with much memory, or a slow host: the verdict is worth more than the log.
  const i64 patience = now_ms() + 30'000;
  inspect::Options options{.samples = how.samples,
                           .wait = wait,
                           .symbols = symbols ? &*symbols : nullptr,
                           .search = [patience] { return now_ms() < patience; }};
  if (how.whole_log) options.log_lines = inspect::KernelLog::max_lines;
  if (!subject.facts().live || !how.log) options.search = nullptr;
  return inspect::diagnose(subject, options);
}

Result<inspect::Report> examine_running(const control::Running& vm, const Examination& how) {
  const auto subject = TRY(LiveSubject::open(vm));
  return examine(*subject, how);
}

}  // namespace pv::cli
