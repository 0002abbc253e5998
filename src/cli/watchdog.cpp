#include "cli/watchdog.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <initializer_list>

#include "base/clock.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/examine.h"
#include "cli/live_subject.h"
#include "jail/jail.h"
#include "jail/policies.h"

namespace pv::cli {
namespace {

// How long to wait at once for the VM's end.
constexpr int period_ms = 1000;

// What the watching process keeps, by these numbers.
enum : int { kept_alive = 3, kept_connection, kept_process, kept_state, first_closed };

// Moves the descriptors to their numbers (-1: there is none) and closes everything else, which is
// the VM's business.
void keep_only(std::initializer_list<int> descriptors) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  // Out of the way first, so that none is overwritten before its turn.
  int high[first_closed] = {}, n = 0;
  for (int fd : descriptors) high[n++] = fd < 0 ? -1 : ::fcntl(fd, F_DUPFD, 64);
  for (int i = 0; i < n; ++i) {
    ::close(kept_alive + i);
    if (high[i] >= 0) ::dup2(high[i], kept_alive + i);
  }
  constexpr auto first = static_cast<unsigned>(first_closed);
  if (::syscall(SYS_close_range, first, ~0u, 0) == 0) return;
  for (int fd = first_closed; fd < 1024; ++fd) ::close(fd);  // before Linux 5.9
}

u64 number(std::string_view word) {
  u64 value = 0;
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}

// What a guest does for others to see.
struct Signs {
  u64 output = 0;     // bytes to its consoles
  u64 exits = 0;      // to the monitor, but for those that looking causes
  bool held = false;  // by its owner or a debugger
};

Signs signs_in(const control::Reply& reply) {
  Signs signs;
  signs.held = reply.find("state") != "running" || reply.find("debugger.stopped") == "1";
  for (const auto& [key, value] : reply.fields) {
    if (key == "console-bytes") signs.output += number(value);
    if ((key.starts_with("exits.") && key != "exits.interrupted") || key == "posted-writes")
      signs.exits += number(value);
  }
  return signs;
}

class Watch {
 public:
  Watch(std::string name, const config::VmConfig& config)
      : name_(std::move(name)),
        limit_(config.watchdog),
        stop_(config.watchdog_action == config::WatchdogAction::stop),
        terminal_(::isatty(STDERR_FILENO) != 0),
        connection_(control::Connection::over(Fd(kept_connection), name_)) {}

  // Returns when the VM's process has ended.
  void run() {
    while (is_alive(period_ms)) {
      const auto reply = connection_.request(control::Verb::stat);
      if (!reply)
        unanswered();
      else
        answered(signs_in(*reply));
    }
  }

 private:
  // False: the VM's process has ended, or waits until then.
  static bool is_alive(int ms) {
    pollfd entry{.fd = kept_alive, .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, ms) <= 0;
  }

  // The letter of /proc/PID/stat (proc(5)), '?' where it cannot be read.
  static char process_state() {
    char text[512];
    const ssize_t got = ::pread(kept_state, text, sizeof text, 0);
    const std::string_view line(text, got > 0 ? static_cast<usize>(got) : 0);
    const usize name_end = line.rfind(')');  // the name may contain anything
    return name_end + 2 < line.size() ? line[name_end + 2] : '?';
  }

  void answered(const Signs& now) {
    met_ = true;
    mute_ = 0;
    heard_ = monotonic_ms();
    const bool talks = now.output != seen_.output, exits = now.exits != seen_.exits;
    seen_ = now;
    exits_ = exits_ || exits;
    if (talks || now.held) return begin_silence();
    if (reported_) {
      // It was no hang for good: the next silence is another one.
      if (exits && !exits_when_reported_) begin_silence();
      return;
    }
    if (++silent_ < limit_) return;
    silent_ = 0;
    look();
  }

  void begin_silence() {
    silent_ = 0;
    suspicions_ = 0;
    exits_ = reported_ = false;
  }

  void look() {
    const bool exits = std::exchange(exits_, false);
    const auto report = examine();
    // A debugger or an owner may have come meanwhile, and the end too.
    if (!report || is_healthy(report->verdict.cause) || !is_alive(0)) {
      suspicions_ = 0;
      return;
    }
    // Exits may be progress that no register shows: a device that is waited for. Not for ever.
    if (exits && ++suspicions_ < 2) return;
    reported_ = true;
    exits_when_reported_ = exits;
    say(text("polyvisor: watchdog: no sign of life for {} s.\n{}",
             exits ? u64{2} * limit_ : u64{limit_}, inspect::render_text(*report)));
    if (stop_) end();
  }

  Result<inspect::Report> examine() {
    const auto subject = TRY(LiveSubject::over(connection_, name_));
    return cli::examine(*subject, {.samples = 30, .symbols = {}, .log = false});
  }

  // The monitor itself is silent. It is while it loads the guest, and while it has been stopped.
  void unanswered() {
    const char state = process_state();
    if (!met_ || state == 'T' || state == 't' || mute_reported_) {
      mute_ = 0;
      heard_ = monotonic_ms();
      return;
    }
    if (mute_++ == 0) since_ = monotonic_ms();
    if (monotonic_ms() - since_ < i64{limit_} * 1000) return;
    mute_reported_ = true;
    say(text("polyvisor: watchdog: the monitor has not answered for {} s; its process {}.\n",
             (monotonic_ms() - heard_) / 1000,
             state == 'D' || state == '?'
                 ? "waits in the host's kernel, probably for a disk or file"
                 : "neither serves its VM nor ends"));
    if (stop_) end();
  }

  // First by asking; a monitor that cannot even do that is killed.
  void end() {
    static_cast<void>(connection_.request(control::Verb::stop));
    if (!is_alive(control::stop_timeout_ms)) return;
    say("polyvisor: watchdog: the monitor does not end when asked: killed.\n");
    static_cast<void>(::syscall(SYS_pidfd_send_signal, kept_process, SIGKILL, nullptr, 0));
  }

  // At a terminal, which the console has made raw, a line needs its own carriage return.
  void say(const std::string& words) const {
    if (!terminal_) return print(STDERR_FILENO, words);
    std::string lines;
    for (char c : words) lines += c == '\n' ? std::string("\r\n") : std::string(1, c);
    print(STDERR_FILENO, lines);
  }

  std::string name_;
  u32 limit_;  // seconds
  bool stop_, terminal_;
  control::Connection connection_;
  Signs seen_;
  u32 silent_ = 0;  // seconds without output
  u32 suspicions_ = 0;
  bool exits_ = false;     // were made in this silence, since the last look
  bool reported_ = false;  // this silence
  bool exits_when_reported_ = false;
  bool met_ = false;  // it has answered once
  u32 mute_ = 0;      // unanswered questions in a row
  i64 since_ = 0;     // of monotonic_ms(): the first of them failed
  i64 heard_ = 0;     // when it last answered, or could not
  bool mute_reported_ = false;
};

Result<void> seal(bool sandbox) {
  if (!sandbox) return {};
  const jail::Sealed sealed = TRY(jail::seal_process({}));
  return jail::enter(sealed, jail::filter<jail::watchdog_policy>);
}

[[noreturn]] void watch(const std::string& name, const config::VmConfig& config) {
  Watch watch(name, config);
  if (const auto sealed = seal(config.sandbox); !sealed)
    report(Streams{}, sealed.error());
  else
    watch.run();
  ::_exit(0);
}

}  // namespace

Result<Watchdog> Watchdog::start(const std::string& name, const config::VmConfig& config) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("cannot make a pipe", errno);
  const Fd watched(ends[0]);
  Fd alive(ends[1]);
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno("cannot make a Unix socket", errno);
  const Fd connection(ends[0]);
  Fd client(ends[1]);
  ::fcntl(client.get(), F_SETFL, O_NONBLOCK);
  const std::string stat = text("/proc/{}/stat", ::getpid());
  const Fd state(::open(stat.c_str(), O_RDONLY | O_CLOEXEC));
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("cannot make a process for the watchdog", errno);
  if (child == 0) {
    // Twice, so that the VM's process has no child to wait for.
    if (::fork() != 0) ::_exit(0);
    keep_only({watched.get(), connection.get(), process.get(), state.get()});
    watch(name, config);
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return Watchdog(std::move(alive), std::move(client));
}

}  // namespace pv::cli
