#include "cli/selftest_guest.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "base/text.h"
#include "cli/exit_status.h"

namespace pv::cli {
namespace {

constexpr usize most_output = 64 * 1024;

u64 now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<u64>(now.tv_sec) * 1000 + static_cast<u64>(now.tv_nsec) / 1'000'000;
}

// What comes until the other end closes or the time is over; false: it is over.
bool collect(int fd, u64 until, std::string& into) {
  for (;;) {
    const u64 now = now_ms();
    if (now >= until) return false;
    pollfd waiting{fd, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(until - now));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    char block[4096];
    const auto got = ::read(fd, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    const usize room = most_output - into.size();
    into.append(block, std::min(room, static_cast<usize>(got)));  // the rest is read and dropped
  }
}

struct Pipe {
  static Pipe create() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return {};
    return {Fd(ends[0]), Fd(ends[1])};
  }
  bool valid() const { return from.valid(); }
  Fd from{}, to{};
};

}  // namespace

GuestRun run_apart(std::string_view input, unsigned seconds, const std::function<int()>& body) {
  GuestRun run;
  Pipe in = Pipe::create(), out = Pipe::create();
  if (!in.valid() || !out.valid()) return run;
  // A pipe holds at least 4 KiB; inputs are a few lines.
  [[maybe_unused]] auto written = write_fully(in.to.get(), bytes_of(input));
  const u64 began = now_ms();
  const pid_t child = ::fork();
  if (child < 0) return run;
  if (child == 0) {
    ::dup2(in.from.get(), STDIN_FILENO);
    ::dup2(out.to.get(), STDOUT_FILENO);
    ::dup2(out.to.get(), STDERR_FILENO);
    in = Pipe{};
    out = Pipe{};
    ::_exit(body());
  }
  in = Pipe{};
  out.to.reset();
  run.ended = collect(out.from.get(), began + u64{seconds} * 1000, run.output);
  if (!run.ended) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  run.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  run.milliseconds = now_ms() - began;
  return run;
}

config::VmConfig config_of(const SelftestGuest& guest) {
  config::VmConfig config;
  config.kernel = std::string(guest.name);  // for messages: the file itself is inside the binary
  config.params = std::string(guest.params);
  config.cpus = guest.cpus;
  config.memory = 16_MiB;
  config.rng = guest.rng;
  config.log_level = LogLevel::error;
  return config;
}

bool passed(const SelftestGuest& guest, const GuestRun& run) {
  return run.ended && run.status == to_int(ExitStatus::success) &&
         run.output.find(guest.says) != run.output.npos;
}

std::string_view last_line(std::string_view output) {
  while (!output.empty() && (output.back() == '\n' || output.back() == '\r'))
    output.remove_suffix(1);
  const usize begin = output.rfind('\n');
  return begin == output.npos ? output : output.substr(begin + 1);
}

}  // namespace pv::cli
