// Probe: how a check looks at the host. LiveProbe (live_probe.h) asks the real one, FakeProbe
// (fake_probe.h) a made-up one. Every answer may be "I cannot know": /proc and /sys need not be
// mounted and /dev may be empty.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arch.h"
#include "base/types.h"
#include "doctor/kvm_report.h"

namespace pv::doctor {

// A path as stat(2) and open(2) see it.
struct Node {
  int error = 0;  // errno of stat; 0: it is there
  u32 mode = 0;
  u32 owner = 0;
  u32 group = 0;
  int open_error = 0;  // errno of opening it for reading and writing
};

// What a system call of the kernel's is tried for.
enum class Feature : u8 {
  epoll,
  eventfd,
  timerfd,
  signalfd,
  memfd,
  seccomp,
  landlock,
  io_uring,
  userfaultfd,
};

enum class Limit : u8 { memlock, open_files, address_space };

struct User {
  u32 uid = 0;
  std::vector<u32> groups;  // the effective one first
};

struct System {
  std::string release;  // "6.1.0-18-arm64"
  std::string version;  // "#1 SMP ..."
  std::string machine;  // "aarch64"
  unsigned cpus = 0;
};

struct Memory {
  u64 total = 0;  // bytes
  u64 free = 0;   // without /proc; MemAvailable with it
};

class Probe {
 public:
  virtual ~Probe() = default;

  virtual Arch arch() const = 0;
  virtual const KvmReport& kvm() const = 0;
  // A text file's first 512 KiB; nothing where it cannot be read.
  virtual std::optional<std::string> read(const std::string& path) const = 0;
  virtual Node node(const std::string& path) const = 0;
  virtual int feature(Feature feature) const = 0;  // 0, or the errno
  virtual u64 limit(Limit limit) const = 0;        // the soft one; UINT64_MAX: none
  virtual User user() const = 0;
  virtual System system() const = 0;
  virtual Memory memory() const = 0;
  // The kernel's log, a line each without time stamps; nothing where it may not be read.
  virtual const std::optional<std::vector<std::string>>& kernel_log() const = 0;
};

// The first line of the log that contains `words`; empty where there is none or no log.
std::string log_line(const Probe& probe, std::string_view words);
// Whether the text has `word` between blanks, commas or the text's ends.
bool has_word(std::string_view text, std::string_view word);
// What follows `key` in a "key : value" line as in /proc/cpuinfo; empty: no such line.
std::string field(std::string_view text, std::string_view key);
// The value of `key=value` on the kernel's command line.
std::optional<std::string> boot_parameter(const Probe& probe, std::string_view key);
// "kvm" for a group's number, or the number.
std::string group_name(const Probe& probe, u32 gid);
std::string user_name(const Probe& probe, u32 uid);
// "Permission denied"
std::string errno_text(int error);

}  // namespace pv::doctor
