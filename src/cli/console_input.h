// ConsoleInput: carries standard input to the guest's console device, on the event loop.
//
//   terminal         raw mode, Ctrl-a keys; goes on being read when the guest does not, so that
//                    Ctrl-a x works then too (a few KiB are kept for the guest, the rest is
//                    dropped)
//   pipe, socket     read only while the device takes it
//   file, /dev/null  the same, in chunks (epoll refuses these)
//
// At the end of the input, or when the terminal has gone, it stops watching and the VM runs on.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "cli/escape_filter.h"
#include "cli/terminal.h"
#include "device/ports.h"
#include "loop/event_loop.h"

namespace pv::cli {

class ConsoleInput final : public device::CharSource {
 public:
  struct Handlers {
    // Gives bytes to the device; returns how many it took. Having refused some, the device calls
    // room() once it can take more.
    std::function<usize(Bytes)> receive;
    std::function<void()> leave;  // Ctrl-a x
    std::function<void()> help;   // Ctrl-a h
  };
  static constexpr usize kept_for_guest = 4096;

  // `terminal` is that of the input (Terminal::fd()); it, loop and log must live longer.
  ConsoleInput(loop::EventLoop& loop, Log& log, Terminal& terminal, Handlers handlers);
  ~ConsoleInput() override;

  // Begins to read, in raw mode at a terminal. Errors (host): the descriptor cannot be watched.
  Result<void> start();

  void room() override;  // any thread
  void suspend();        // the process is about to be halted: gives the terminal back
  void stop();           // reads no more, for good, and gives the terminal back
  void continued();      // the process may have become the foreground job again

  bool ended() const { return mode_ == Mode::ended; }

 private:
  enum class Mode : u8 {
    idle,        // not started, or the device has no room
    watching,    // epoll tells when there is input
    pumping,     // a file: the next chunk is read by a posted task
    background,  // a terminal that another job has: only edges are told
    ended,
  };
  Result<void> watch();
  void unwatch();
  void rewatch();
  void ready();
  void read_chunk();
  void deliver();
  void post_pump();
  void end(std::string_view why);

  loop::EventLoop& loop_;
  Log& log_;
  Terminal& terminal_;
  Handlers handlers_;
  EscapeFilter filter_;
  std::vector<u8> pending_;  // read, but not yet taken by the device
  Mode mode_ = Mode::idle;
  bool pollable_ = true;
  std::atomic<bool> room_posted_{false};
  // Posted tasks hold it weakly: they may run after this object has gone.
  std::shared_ptr<ConsoleInput*> self_;
};

}  // namespace pv::cli
