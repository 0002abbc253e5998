#include "cli/watchdog.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "base/text.h"
#include "cli/command.h"
#include "cli/examine.h"

namespace pv::cli {
namespace {

// How long to wait at once for the VM's end.
constexpr int period_ms = 1000;

// Waits; false: the VM has gone.
bool wait_alive(int alive, int ms) {
  pollfd entry{.fd = alive, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, ms) <= 0;
}

// Keeps standard error and `alive` (as descriptor 3); all else is the VM's business.
int close_others(int alive) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  constexpr int kept = 3;
  if (alive != kept) ::dup2(alive, kept);
  constexpr unsigned first = kept + 1;
  if (::syscall(SYS_close_range, first, ~0u, 0) == 0) return kept;
  for (int fd = static_cast<int>(first); fd < 1024; ++fd) ::close(fd);  // before Linux 5.9
  return kept;
}

// Everything that a guest does for others to see; nullopt: it is paused, or cannot be asked.
std::optional<u64> signs_of_life(const control::Running& vm) {
  const auto reply = control::request(vm, control::Verb::stat);
  if (!reply || reply->find("state") != "running") return std::nullopt;
  u64 sum = 0;
  for (const auto& [key, value] : reply->fields) {
    const bool counts = (key.starts_with("exits.") && key != "exits.interrupted") ||
                        key == "posted-writes" || key == "console-bytes";
    u64 number = 0;
    if (counts) std::from_chars(value.data(), value.data() + value.size(), number);
    sum += number;
  }
  return sum;
}

const control::Running* find(const std::vector<control::Running>& all, const std::string& name) {
  for (const control::Running& vm : all)
    if (vm.name == name) return &vm;
  return nullptr;
}

// At a terminal, which the console has made raw, a line needs its own carriage return.
void say(const std::string& words) {
  if (::isatty(STDERR_FILENO) == 0) return print(STDERR_FILENO, words);
  std::string lines;
  for (char c : words) lines += c == '\n' ? std::string("\r\n") : std::string(1, c);
  print(STDERR_FILENO, lines);
}

class Watch {
 public:
  Watch(std::string name, const config::VmConfig& config, int alive)
      : name_(std::move(name)),
        limit_(config.watchdog),
        stop_(config.watchdog_action == config::WatchdogAction::stop),
        alive_(alive) {}

  void run() {
    u64 seen = 0;
    u32 silent = 0;
    bool reported = false;
    while (wait_alive(alive_, period_ms)) {
      const auto directories = control::Directory::existing();
      const auto running = control::running_vms(directories);
      const control::Running* vm = find(running, name_);
      const auto now = vm != nullptr ? signs_of_life(*vm) : std::nullopt;
      if (!now || *now != seen) {
        seen = now.value_or(seen);
        silent = 0;
        reported = false;
        continue;
      }
      if (reported || ++silent < limit_) continue;
      silent = 0;
      reported = look(*vm);
    }
  }

 private:
  // Whether something is wrong.
  bool look(const control::Running& vm) {
    const auto report = examine_running(vm, {.samples = 30, .symbols = {}, .log = false});
    if (!report || is_healthy(report->verdict.cause) || !wait_alive(alive_, 0)) return false;
    say(text("polyvisor: watchdog: no sign of life for {} s.\n{}", limit_,
             inspect::render_text(*report)));
    if (stop_) static_cast<void>(control::request(vm, control::Verb::stop));
    return true;
  }

  std::string name_;
  u32 limit_;
  bool stop_;
  int alive_;
};

}  // namespace

Result<Watchdog> Watchdog::start(const std::string& name, const config::VmConfig& config) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("cannot make a pipe", errno);
  Fd watched(ends[0]), alive(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("cannot make a process for the watchdog", errno);
  if (child == 0) {
    // Twice, so that the VM's process has no child to wait for.
    if (::fork() != 0) ::_exit(0);
    alive.reset();
    const int kept = close_others(watched.release());
    Watch(name, config, kept).run();
    ::_exit(0);
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return Watchdog(std::move(alive));
}

}  // namespace pv::cli
