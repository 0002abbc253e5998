// Terminal: raw mode of the terminal that the console is, and its restoration however the process
// ends: by the destructor, by exit(), or by a fatal signal (only SIGKILL leaves it raw).
// POSIX.1-2017 general terminal interface (XBD 11).
//
// Raw means: every key arrives at once, unechoed and untranslated. Output is still processed, so
// that a bare-metal guest's plain "\n" begins a new line as it does under other monitors.
//
// A process in the background must not touch the terminal, which belongs to another job then.
#pragma once

#include <termios.h>

#include <optional>

#include "base/types.h"

namespace pv::cli {

class Terminal {
 public:
  // Any descriptor; most functions do nothing for one that is no terminal. It stays the caller's.
  explicit Terminal(int fd);
  ~Terminal() { restore(); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  int fd() const { return fd_; }
  bool is_terminal() const { return is_terminal_; }
  // Whether the process may use it: it is in the terminal's foreground, or has no job control
  // there.
  bool foreground() const;

  // False: it is no terminal, or the process is in the background. At most one Terminal of the
  // process can be raw at a time.
  bool enter_raw();
  // After the process was halted and went on: another job may have changed the modes meanwhile.
  bool reenter_raw();
  void restore();
  // Restores the one that is raw, whichever object that is; for a process that is about to be
  // ended. Async-signal-safe.
  static void rescue();
  bool raw() const { return raw_; }

  struct Size {
    u16 rows;
    u16 columns;
    bool operator==(const Size&) const = default;
  };
  // nullopt: no terminal, or one that does not know its size.
  std::optional<Size> size() const;

 private:
  int fd_;
  bool is_terminal_ = false;
  bool raw_ = false;
  termios saved_{};
};

}  // namespace pv::cli
