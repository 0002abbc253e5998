#include "doctor/live_probe.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/fd.h"
#include "base/text.h"

namespace pv::doctor {
namespace {

constexpr usize most_text = 512 * 1024;
constexpr usize most_lines = 200;  // the first and the last ones

// 0 or the errno of a call that gives a descriptor, which is closed.
int tried(long descriptor) {
  if (descriptor < 0) return errno;
  ::close(static_cast<int>(descriptor));
  return 0;
}

int try_io_uring() {
  io_uring_params params{};
  return tried(::syscall(SYS_io_uring_setup, 1, &params));
}

int try_userfaultfd() {
  constexpr int user_mode_only = 1;  // UFFD_USER_MODE_ONLY
  const int restricted = tried(::syscall(SYS_userfaultfd, O_CLOEXEC | user_mode_only));
  return restricted == EINVAL ? tried(::syscall(SYS_userfaultfd, O_CLOEXEC)) : restricted;
}

int try_seccomp() {
  u32 action = SECCOMP_RET_KILL_PROCESS;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0 ? errno : 0;
}

int try_landlock() {
  constexpr u32 version = 1;  // LANDLOCK_CREATE_RULESET_VERSION
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, version) < 0 ? errno : 0;
}

int try_signalfd() {
  sigset_t none;
  ::sigemptyset(&none);
  return tried(::signalfd(-1, &none, SFD_CLOEXEC));
}

bool is_about(std::string_view line) {
  std::string small(line);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (std::string_view word : {"kvm", "hyp mode", "hypervisor", "vgic", "started at el", "vmx",
                                "svm:", "gicv", "gic:", "vhe", "sbi "})
    if (small.find(word) != small.npos) return true;
  return false;
}

// Behind "<6>" and "[   12.345678] ".
std::string_view without_stamp(std::string_view line) {
  if (line.starts_with('<'))
    if (const usize end = line.find('>'); end != line.npos) line.remove_prefix(end + 1);
  if (line.starts_with('['))
    if (const usize end = line.find("] "); end != line.npos) line.remove_prefix(end + 2);
  return line;
}

std::optional<std::vector<std::string>> read_log() {
  constexpr int read_all = 3, size_of_buffer = 10;  // SYSLOG_ACTION_*
  const int size = ::klogctl(size_of_buffer, nullptr, 0);
  if (size <= 0) return std::nullopt;
  std::string raw(std::min<usize>(static_cast<usize>(size), usize{4} << 20), '\0');
  const int got = ::klogctl(read_all, raw.data(), static_cast<int>(raw.size()));
  if (got < 0) return std::nullopt;
  raw.resize(static_cast<usize>(got));
  return lines_on_virtualization(raw);
}

// The number of KiB behind "key:" in /proc/meminfo.
u64 kib(std::string_view table, std::string_view key) {
  u64 number = 0;
  for (const char c : field(table, key)) {
    if (c < '0' || c > '9') break;
    number = number * 10 + static_cast<u64>(c - '0');
  }
  return number;
}

}  // namespace

std::vector<std::string> lines_on_virtualization(std::string_view raw) {
  std::vector<std::string> lines;
  while (!raw.empty()) {
    const usize end = std::min(raw.find('\n'), raw.size());
    const std::string_view line = without_stamp(raw.substr(0, end));
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (!is_about(line) || std::ranges::find(lines, line) != lines.end()) continue;
    if (lines.size() == most_lines) lines.erase(lines.begin() + most_lines / 2);
    lines.emplace_back(line);
  }
  return lines;
}

LiveProbe::LiveProbe(KvmReport kvm) : kvm_(std::move(kvm)), log_(read_log()) {}

std::optional<std::string> LiveProbe::read(const std::string& path) const {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return std::nullopt;
  std::string content(16 * 1024, '\0');
  usize length = 0;
  for (;;) {
    const auto got = ::read(file.get(), content.data() + length, content.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    length += static_cast<usize>(got);
    if (got == 0 || length >= most_text) break;
    if (length == content.size()) content.resize(content.size() * 2);
  }
  content.resize(length);
  return content;
}

Node LiveProbe::node(const std::string& path) const {
  Node node;
  struct stat status{};
  if (::stat(path.c_str(), &status) < 0) {
    node.error = errno;
    return node;
  }
  node.mode = status.st_mode;
  node.owner = status.st_uid;
  node.group = status.st_gid;
  if (S_ISCHR(status.st_mode))
    node.open_error = tried(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  return node;
}

int LiveProbe::feature(Feature feature) const {
  switch (feature) {
    case Feature::epoll: return tried(::epoll_create1(EPOLL_CLOEXEC));
    case Feature::eventfd: return tried(::eventfd(0, EFD_CLOEXEC));
    case Feature::timerfd: return tried(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    case Feature::signalfd: return try_signalfd();
    case Feature::memfd: return tried(::memfd_create("doctor", MFD_CLOEXEC));
    case Feature::seccomp: return try_seccomp();
    case Feature::landlock: return try_landlock();
    case Feature::io_uring: return try_io_uring();
    case Feature::userfaultfd: return try_userfaultfd();
  }
  return ENOSYS;
}

u64 LiveProbe::limit(Limit limit) const {
  constexpr std::array resources = {RLIMIT_MEMLOCK, RLIMIT_NOFILE, RLIMIT_AS};
  rlimit64 value{};
  if (::getrlimit64(resources[static_cast<usize>(limit)], &value) < 0) return UINT64_MAX;
  return value.rlim_cur == RLIM64_INFINITY ? UINT64_MAX : value.rlim_cur;
}

User LiveProbe::user() const {
  User user{::geteuid(), {::getegid()}};
  std::array<gid_t, 128> groups{};
  const int count = ::getgroups(groups.size(), groups.data());
  for (int i = 0; i < count; ++i) user.groups.push_back(groups[static_cast<usize>(i)]);
  return user;
}

System LiveProbe::system() const {
  utsname names{};
  if (::uname(&names) < 0) return {};
  const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
  return {names.release, names.version, names.machine, cpus > 0 ? static_cast<unsigned>(cpus) : 1};
}

Memory LiveProbe::memory() const {
  if (const auto table = read("/proc/meminfo"); table && kib(*table, "MemTotal") != 0)
    return {kib(*table, "MemTotal") << 10, kib(*table, "MemAvailable") << 10};
  struct sysinfo info{};
  if (::sysinfo(&info) < 0) return {};
  return {u64{info.totalram} * info.mem_unit, u64{info.freeram} * info.mem_unit};
}

}  // namespace pv::doctor
