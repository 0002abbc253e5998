// PID 1 of a lab host: mounts what programs expect, loads the modules that the plan names, runs
// the plan's commands (and, when it says `serve`, those that arrive on the line: frame C with a
// request as in the plan, frame Q to end), then powers the machine off.
// The plan is described in plan.h, the line in link.h.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/random.h>
#include <net/if.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "link.h"
#include "plan.h"

namespace {

using lab::Frame;
using lab::Link;
using lab::Plan;

std::string read_file(const char* path) {
  std::string text;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char block[4096];
  for (ssize_t n; (n = read(fd, block, sizeof block)) > 0;) text.append(block, static_cast<std::size_t>(n));
  close(fd);
  return text;
}

void write_file(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t n = write(fd, text.data(), text.size());
  close(fd);
}

void mount_all() {
  mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
  mkdir("/dev/pts", 0755);
  mkdir("/dev/shm", 01777);
  mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666");
  mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
  mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
  mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
  symlink("/proc/self/fd", "/dev/fd");
  symlink("/proc/self/fd/0", "/dev/stdin");
  symlink("/proc/self/fd/1", "/dev/stdout");
  symlink("/proc/self/fd/2", "/dev/stderr");
}

int open_console(const std::string& path) {
  int fd = open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
  termios settings{};
  if (fd >= 0 && tcgetattr(fd, &settings) == 0) {
    cfmakeraw(&settings);
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    tcsetattr(fd, TCSANOW, &settings);
  }
  return fd;
}

void load_modules(Link& link, const Plan& plan) {
  for (const std::string& path : plan.modules) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0) {
      close(fd);
      continue;
    }
    const int error = errno;
    if (fd >= 0) close(fd);
    if (error != EEXIST) link.send('M', "cannot load " + path + ": " + std::strerror(error));
  }
}

// A machine without a real-time clock begins in 1970.
void set_clock(long seconds) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (now.tv_sec >= 365L * 24 * 3600) return;
  now.tv_sec = seconds;
  clock_settime(CLOCK_REALTIME, &now);
}

// An emulated machine has no source of randomness: the first to ask for random numbers would wait
// while the kernel makes them of its ticks, seconds of processor time. These protect nothing, and
// are always the same, as a deterministic host wants it.
void seed_random_numbers() {
  const int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  struct {
    int bits, size;
    unsigned char bytes[64];
  } seed = {8 * sizeof seed.bytes, sizeof seed.bytes, {}};
  for (unsigned i = 0; i < sizeof seed.bytes; ++i) seed.bytes[i] = static_cast<unsigned char>(37 * i + 11);
  ioctl(fd, RNDADDENTROPY, &seed);
  close(fd);
}

void raise_loopback() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  ioctl(fd, SIOCSIFFLAGS, &request);
  close(fd);
}

void serve(Link& link, unsigned index) {
  for (;;) {
    Frame frame;
    while (link.take(frame)) {
      if (frame.type == 'Q') return;
      if (frame.type != 'C') continue;
      std::string text("command", 8);
      text += frame.payload;
      const Plan more = lab::parse_plan(text);
      for (const lab::Request& request : more.requests) lab::run_command(link, request, index++);
    }
    if (!link.receive()) return;
  }
}

[[noreturn]] void power_off() {
  sync();
  reboot(RB_POWER_OFF);
  for (;;) pause();
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  mount_all();
  const Plan plan = lab::parse_plan(read_file("/lab/plan"));
  if (!plan.printk.empty()) write_file("/proc/sys/kernel/printk", plan.printk);
  Link link(open_console(plan.console), plan.token);
  sethostname(plan.hostname.c_str(), plan.hostname.size());
  raise_loopback();
  seed_random_numbers();
  set_clock(plan.clock);
  for (const std::string& pair : plan.environment) {
    const std::size_t equals = pair.find('=');
    if (equals != std::string::npos) setenv(pair.substr(0, equals).c_str(), pair.c_str() + equals + 1, 1);
  }
  load_modules(link, plan);
  timespec up{};
  clock_gettime(CLOCK_BOOTTIME, &up);
  link.send('R', std::to_string(up.tv_sec) + "." + std::to_string(1'000'000'000 + up.tv_nsec).substr(1));
  unsigned index = 0;
  for (const lab::Request& request : plan.requests) lab::run_command(link, request, index++);
  if (plan.serve) serve(link, index);
  link.send('P', "");
  link.drain();
  power_off();
}
