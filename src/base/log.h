// Log: one line per message on one descriptor, written with a single write(2) so that threads do
// not mix. The level is fixed at start; a Log is passed to whoever logs, there is no global one.
#pragma once

#include <atomic>
#include <string_view>

#include "base/text.h"
#include "base/types.h"

namespace pv {

enum class LogLevel : u8 { error, warn, info, debug };

// Lets the first `limit` messages through; what guests can cause is logged through one of these,
// so that a guest cannot fill the host's disk.
class Throttle {
 public:
  explicit constexpr Throttle(u32 limit = 10) : limit_(limit) {}
  // How many calls came before this one; log when below limit().
  u32 next() { return count_.fetch_add(1, std::memory_order_relaxed); }
  u32 limit() const { return limit_; }

 private:
  std::atomic<u32> count_{0};
  u32 limit_;
};

class Log {
 public:
  Log(int fd, LogLevel level) : fd_(fd), level_(level) {}

  bool enabled(LogLevel level) const { return level <= level_; }

  template <class... Args>
  void error(fmt::format_string<Args...> f, Args&&... args) {
    write(LogLevel::error, vtext(f, fmt::make_format_args(args...)));
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> f, Args&&... args) {
    if (enabled(LogLevel::warn)) write(LogLevel::warn, vtext(f, fmt::make_format_args(args...)));
  }
  template <class... Args>
  void info(fmt::format_string<Args...> f, Args&&... args) {
    if (enabled(LogLevel::info)) write(LogLevel::info, vtext(f, fmt::make_format_args(args...)));
  }
  template <class... Args>
  void debug(fmt::format_string<Args...> f, Args&&... args) {
    if (enabled(LogLevel::debug)) write(LogLevel::debug, vtext(f, fmt::make_format_args(args...)));
  }
  // For what a guest did wrong: a warning, at most throttle.limit() times.
  template <class... Args>
  void guest(Throttle& throttle, fmt::format_string<Args...> f, Args&&... args) {
    if (!enabled(LogLevel::warn)) return;
    u32 before = throttle.next();
    if (before >= throttle.limit()) return;
    std::string message = vtext(f, fmt::make_format_args(args...));
    if (before + 1 == throttle.limit()) message += " (further messages of this kind are dropped)";
    write(LogLevel::warn, message);
  }

 private:
  void write(LogLevel level, std::string_view message) const;

  int fd_;
  LogLevel level_;
};

}  // namespace pv
