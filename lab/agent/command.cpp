// See command.h. PID 1 runs one command at a time: a session of its own, killed when it is over.
#include "command.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace lab {
namespace {

constexpr const char* kOutputFile = "/lab/output";
constexpr long kTermGraceMs = 2000;

long long now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<long long>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

class Run final {
 public:
  Run(Link& link, const Request& request, unsigned index)
      : link_(link), request_(request), index_(index) {}
  void execute();

 private:
  bool prepare();
  [[noreturn]] void child();
  void wait_for_end();
  int poll_timeout();
  void reap();
  void on_frame(const Frame& frame);
  void feed_input();
  bool forward(int fd, char type);
  void send_file();
  void report();

  Link& link_;
  const Request& request_;
  unsigned index_;
  pid_t pid_ = -1;
  int signals_ = -1;
  int output_[2] = {-1, -1};
  int errors_[2] = {-1, -1};
  int input_[2] = {-1, -1};
  std::string pending_;
  bool input_ended_ = false;
  bool ended_ = false;
  bool timed_out_ = false;
  int status_ = 0;
  rusage usage_{};
  long long started_ = 0;
  long long deadline_ = 0;
};

void close_fd(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

void make_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

bool Run::prepare() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (request_.mode == 't') {
    winsize size{};
    size.ws_row = request_.rows;
    size.ws_col = request_.columns;
    if (openpty(&output_[0], &output_[1], nullptr, nullptr, &size) != 0) return false;
    fcntl(output_[0], F_SETFD, FD_CLOEXEC);
    make_nonblocking(output_[0]);
    return true;
  }
  if (request_.mode == 'f') {
    output_[1] = open(kOutputFile, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (output_[1] < 0) return false;
  } else {
    if (pipe2(output_, O_CLOEXEC) != 0) return false;
    make_nonblocking(output_[0]);
  }
  if (request_.mode == 's') {
    if (pipe2(errors_, O_CLOEXEC) != 0) return false;
    make_nonblocking(errors_[0]);
  }
  if (request_.input == "-") {
    if (pipe2(input_, O_CLOEXEC) != 0) return false;
    make_nonblocking(input_[1]);
  }
  return true;
}

void Run::child() {
  setsid();
  std::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int errors = errors_[1] >= 0 ? errors_[1] : output_[1];
  if (request_.mode == 't') {
    ioctl(output_[1], TIOCSCTTY, 0);
    dup2(output_[1], 0);
  } else if (input_[0] >= 0) {
    dup2(input_[0], 0);
  } else {
    const char* path = request_.input.empty() ? "/dev/null" : request_.input.c_str();
    const int fd = open(path, O_RDONLY);
    if (fd > 0) dup2(fd, 0), close(fd);
  }
  dup2(output_[1], 1);
  dup2(errors, 2);
  if (output_[1] > 2) close(output_[1]);
  std::vector<char*> arguments;
  for (const std::string& word : request_.arguments) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  if (chdir(request_.folder.c_str()) != 0) {
    std::fprintf(stderr, "lab: %s: %s\n", request_.folder.c_str(), std::strerror(errno));
    std::fflush(stderr);
    _exit(126);
  }
  execvp(arguments[0], arguments.data());
  std::fprintf(stderr, "lab: %s: %s\n", arguments[0], std::strerror(errno));
  std::fflush(stderr);
  _exit(errno == ENOENT ? 127 : 126);
}

void Run::execute() {
  link_.send('B', std::to_string(index_));
  if (!request_.arguments.empty() && prepare()) pid_ = fork();
  if (pid_ == 0) child();
  if (pid_ < 0) {
    link_.send('E', std::string("lab: cannot start the command: ") + std::strerror(errno) + "\n");
    status_ = 126 << 8;
    report();
    return;
  }
  started_ = now_ns();
  deadline_ = request_.timeout_ms > 0 ? started_ + request_.timeout_ms * 1'000'000LL : 0;
  close_fd(output_[1]);
  close_fd(errors_[1]);
  close_fd(input_[0]);
  wait_for_end();
  const long long ended = now_ns();
  while (forward(output_[0], 'O')) {}
  while (forward(errors_[0], 'E')) {}
  kill(-pid_, SIGKILL);
  started_ = ended - started_;
  if (request_.mode == 'f') send_file();
  report();
  for (int* fd : {&output_[0], &errors_[0], &input_[1], &signals_}) close_fd(*fd);
}

int Run::poll_timeout() {
  if (deadline_ == 0) return -1;
  const long long left = deadline_ - now_ns();
  if (left > 0) return static_cast<int>(left / 1'000'000 + 1);
  kill(-pid_, timed_out_ ? SIGKILL : SIGTERM);
  kill(pid_, timed_out_ ? SIGKILL : SIGTERM);
  timed_out_ = true;
  deadline_ = now_ns() + kTermGraceMs * 1'000'000LL;
  return static_cast<int>(kTermGraceMs);
}

void Run::wait_for_end() {
  while (!ended_) {
    pollfd fds[] = {{link_.fd(), POLLIN, 0},
                    {signals_, POLLIN, 0},
                    {output_[0], POLLIN, 0},
                    {errors_[0], POLLIN, 0},
                    {pending_.empty() ? -1 : (request_.mode == 't' ? output_[0] : input_[1]), POLLOUT, 0}};
    if (poll(fds, 5, poll_timeout()) < 0 && errno != EINTR) break;
    if (fds[0].revents != 0) {
      link_.receive();
      Frame frame;
      while (link_.take(frame)) on_frame(frame);
    }
    if (fds[2].revents != 0 && !forward(output_[0], 'O') && errno != EAGAIN) {
      // A terminal reports EIO while nobody has it open; the command may open it again.
      if (request_.mode != 't') close_fd(output_[0]);
      else if (fds[1].revents == 0) usleep(1000);
    }
    if (fds[3].revents != 0 && !forward(errors_[0], 'E') && errno != EAGAIN) close_fd(errors_[0]);
    if (fds[4].revents != 0) feed_input();
    if (fds[1].revents != 0) reap();
  }
}

void Run::reap() {
  signalfd_siginfo info;
  while (read(signals_, &info, sizeof info) > 0) {}
  for (;;) {
    int status = 0;
    rusage usage{};
    const pid_t pid = wait4(-1, &status, WNOHANG, &usage);
    if (pid <= 0) return;
    if (pid != pid_) continue;
    ended_ = true;
    status_ = status;
    usage_ = usage;
  }
}

void Run::on_frame(const Frame& frame) {
  if (frame.type == 'I') {
    pending_ += frame.payload;
    feed_input();
  } else if (frame.type == 'Z') {
    input_ended_ = true;
    feed_input();
  } else if (frame.type == 'K') {
    kill(-pid_, std::atoi(frame.payload.c_str()));
  } else if (frame.type == 'W' && request_.mode == 't') {
    winsize size{};
    if (std::sscanf(frame.payload.c_str(), "%hu %hu", &size.ws_row, &size.ws_col) == 2) {
      ioctl(output_[0], TIOCSWINSZ, &size);
    }
  }
}

void Run::feed_input() {
  const int fd = request_.mode == 't' ? output_[0] : input_[1];
  std::size_t taken = 0;
  while (!pending_.empty()) {
    const ssize_t n = fd < 0 ? -1 : write(fd, pending_.data(), pending_.size());
    if (n < 0 && fd >= 0 && (errno == EAGAIN || errno == EINTR)) break;
    // Nobody will read the rest: it counts as taken, so that the lab does not wait.
    const std::size_t done = n < 0 ? pending_.size() : static_cast<std::size_t>(n);
    pending_.erase(0, done);
    taken += done;
  }
  if (taken != 0) link_.send('A', std::to_string(taken));
  if (input_ended_ && pending_.empty() && request_.mode != 't') close_fd(input_[1]);
}

bool Run::forward(int fd, char type) {
  char block[4096];
  if (fd < 0) return false;
  const ssize_t n = read(fd, block, sizeof block);
  if (n <= 0) {
    if (n == 0) errno = 0;
    return false;
  }
  link_.send(type, {block, static_cast<std::size_t>(n)});
  return true;
}

void Run::send_file() {
  int fd = open(kOutputFile, O_RDONLY | O_CLOEXEC);
  while (forward(fd, 'O')) {}
  close_fd(fd);
  unlink(kOutputFile);
}

void Run::report() {
  const char* kind = timed_out_ ? "timeout" : WIFSIGNALED(status_) ? "signal" : "exit";
  const int value = WIFSIGNALED(status_) ? WTERMSIG(status_) : WEXITSTATUS(status_);
  char text[160];
  std::snprintf(text, sizeof text, "%u %s %d %lld %lld %lld %ld", index_, kind, value, started_,
                static_cast<long long>(usage_.ru_utime.tv_sec) * 1'000'000 + usage_.ru_utime.tv_usec,
                static_cast<long long>(usage_.ru_stime.tv_sec) * 1'000'000 + usage_.ru_stime.tv_usec,
                usage_.ru_maxrss);
  link_.send('X', text);
}

}  // namespace

void run_command(Link& link, const Request& request, unsigned index) {
  Run(link, request, index).execute();
}

}  // namespace lab
