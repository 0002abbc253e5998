#include "cli/differential.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "inspect/diagnosis/verdict.h"

namespace pv::cli {
namespace {

using Words = std::vector<std::string>;

constexpr u64 shortest_ms = 2'000, longest_ms = 15'000;  // how long the copy runs before the look

u64 number_of(const control::Reply& reply, std::string_view key) {
  u64 value = 0;
  const std::string_view word = reply.find(key).value_or("");
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}

// The command line by which process `pid` was started.
Result<Words> command_line(u64 pid) {
  const std::string path = text("/proc/{}/cmdline", pid);
  Fd file = TRY(open_file(path, O_RDONLY));
  std::string all(64 << 10, '\0');
  const usize got = TRY(read_fully(file.get(), {reinterpret_cast<u8*>(all.data()), all.size()}));
  if (got == all.size()) return fail(Error::Kind::host, path + " is too long");
  all.resize(got);
  Words words;
  for (usize at = 0; at < all.size();) {
    const usize end = std::min(all.find('\0', at), all.size());
    words.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  if (words.size() < 2 || words[1] != "run")
    return fail(Error::Kind::host, "the VM was not started by polyvisor run");
  return words;
}

// The same with further options, the last of which counts.
Words with_options(Words words, const std::string& name) {
  const auto end = std::find(words.begin(), words.end(), "--");
  const Words further = {"--reset-policy=zero", "--name=" + name};
  words.insert(end, further.begin(), further.end());
  return words;
}

// The end of what somebody writes into a pipe.
class Tail {
 public:
  explicit Tail(Fd pipe) : pipe_(std::move(pipe)) {}
  // What is there, without waiting.
  const std::string& read() {
    constexpr usize most = 4096;
    char piece[most];
    for (ssize_t got; (got = ::read(pipe_.get(), piece, sizeof piece)) > 0;) {
      text_.append(piece, static_cast<usize>(got));
      if (text_.size() > most) text_.erase(0, text_.size() - most);
    }
    return text_;
  }

 private:
  Fd pipe_;
  std::string text_;
};

// The copy's process; its output goes to nobody, its errors to `errors`, and it ends with us.
Result<pid_t> start(const Words& words, u64 pid, int errors) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const std::string folder = text("/proc/{}/cwd", pid);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("cannot make a process for the copy", errno);
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd : {0, 1}) ::dup2(null, fd);
  ::dup2(errors, 2);
  if (::chdir(folder.c_str()) == 0) ::execv("/proc/self/exe", arguments.data());
  ::_exit(127);
}

// How the process ended, if it has.
std::optional<int> ended(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, WNOHANG) != child) return std::nullopt;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct Copy {
  std::optional<int> status;  // it ended by itself
  std::string errors;         // the end of what it said then
  std::optional<inspect::Report> report;
  u64 console_bytes = 0;
};

Result<Copy> examine_copy(pid_t child, Tail& errors, const std::string& name, u64 run_ms,
                          const Examination& how) {
  Copy copy;
  for (u64 waited = 0; waited < run_ms; waited += 100) {
    sleep_ms(100);
    copy.status = ended(child);
    copy.errors = errors.read();
    if (copy.status) return copy;
  }
  const auto directories = control::Directory::existing();
  for (const control::Running& vm : control::running_vms(directories)) {
    if (vm.name != name) continue;
    const auto stats = TRY(control::request(vm, control::Verb::stat));
    copy.console_bytes = number_of(stats, "console-bytes");
    copy.report =
        TRY(examine_running(vm, {.samples = how.samples, .symbols = how.symbols, .log = false}));
    static_cast<void>(control::request(vm, control::Verb::stop));
  }
  if (!copy.report) return fail(Error::Kind::host, "the copy did not register itself");
  return copy;
}

std::string conclude(const inspect::Report& original, const Copy& copy, u64 console_bytes) {
  const bool sick = !is_healthy(original.verdict.cause);
  if (copy.status && *copy.status >= 100)
    return text("The copy with zeroed registers ended with status {}: nothing is shown.\n{}",
                *copy.status, last_lines(copy.errors));
  std::string out = "With zeroed registers: ";
  out += copy.status
             ? text("the copy ran to its end, status {}.\n", *copy.status)
             : text("{}: {}.\n", name(copy.report->verdict.cause), copy.report->verdict.sentence);
  if (!copy.status)
    out += text("Console output: {} bytes, {} with zeroed registers.\n", console_bytes,
                copy.console_bytes);
  const bool runs = copy.status || is_healthy(copy.report->verdict.cause);
  if (sick && runs)
    out +=
        "PROVEN: the only difference is the content of registers that are unknown after reset; "
        "the guest reads one of them before it has written it.\n";
  else if (sick && copy.report->verdict.cause == original.verdict.cause)
    out +=
        "NOT THE REASON: the copy hangs in the same way; registers that are unknown after reset "
        "do not matter.\n";
  else if (sick)
    out +=
        "The copy hangs in another way: registers that are unknown after reset do matter, but "
        "they are not all.\n";
  else
    out += "Nothing was wrong with the VM itself.\n";
  return out;
}

}  // namespace

std::string last_lines(std::string_view said) {
  constexpr usize most = 3;
  std::string lines;
  for (usize n = 0; n < most && !said.empty();) {
    while (said.ends_with('\n')) said.remove_suffix(1);
    const usize begin = said.rfind('\n') + 1;  // of npos: 0
    const std::string_view line = said.substr(begin);
    if (!line.empty()) {
      lines.insert(0, text("  it said: {}\n", line));
      ++n;
    }
    said = said.substr(0, begin);
  }
  return lines;
}

Result<std::string> compare_with_copy(const control::Running& vm, const inspect::Report& original,
                                      const Examination& how) {
  const auto stats = TRY(control::request(vm, control::Verb::stat));
  const u64 pid = number_of(stats, "pid");
  const Words words = TRY(command_line(pid), "the VM's command line");
  const std::string name = vm.name.substr(0, 40) + "-zeroed";
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno("cannot make a pipe", errno);
  Tail errors{Fd(ends[0])};
  Fd said(ends[1]);
  const pid_t child = TRY(start(with_options(words, name), pid, said.get()));
  said.reset();
  const u64 run_ms = std::clamp(number_of(stats, "uptime_ms"), shortest_ms, longest_ms);
  auto copy = examine_copy(child, errors, name, run_ms, how);
  if (!copy || !copy->status) {
    // It has been asked to stop; a copy that could not even be examined is ended.
    for (int turn = 0; turn < 50 && !ended(child); ++turn) {
      if (!copy || turn == 30) ::kill(child, SIGTERM);
      sleep_ms(100);
    }
  }
  if (!copy) return std::unexpected(std::move(copy).error());
  return "\n" + conclude(original, *copy, number_of(stats, "console-bytes"));
}

}  // namespace pv::cli
