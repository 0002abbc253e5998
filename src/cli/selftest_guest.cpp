#include "cli/selftest_guest.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/exit_status.h"

namespace pv::cli {
namespace {

constexpr usize most_output = 64 * 1024;

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
  const i64 began = monotonic_ms();
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
  run.ended = collect(out.from.get(), i64{seconds} * 1000, most_output, run.output);
  if (!run.ended) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  run.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  run.milliseconds = static_cast<u64>(monotonic_ms() - began);
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
