// LineJoiner: lets several serial ports write into one file without cutting each other's lines.
//
// A port whose line is unfinished has the output to itself; the others' lines wait, up to
// `most_held` bytes each. When the line has not grown for `patience` (a prompt) or somebody holds
// too much, it is ended with a newline and the others go on. A port alone is never delayed.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "device/ports.h"
#include "loop/event_loop.h"

namespace pv::cli {

class LineJoiner {
 public:
  static constexpr std::chrono::milliseconds patience{200};
  static constexpr usize most_held = 64_KiB;

  // Both outlive it. Errors (host): no timer.
  static Result<std::unique_ptr<LineJoiner>> create(loop::EventLoop& loop, device::CharSink& out);
  ~LineJoiner() { finish(); }

  // The output of one more port; lives as long as this does.
  device::CharSink& port() { return ports_.emplace_back(*this); }
  // Everything that waits goes out, at the end.
  void finish();

 private:
  class Port final : public device::CharSink {
   public:
    explicit Port(LineJoiner& joiner) : joiner_(joiner) {}
    void write(Bytes bytes) override { joiner_.write(*this, bytes); }

   private:
    friend class LineJoiner;
    LineJoiner& joiner_;
    std::string held_;
  };

  explicit LineJoiner(device::CharSink& out) : out_(out) {}
  void write(Port& port, Bytes bytes);
  void put(std::string_view words);
  void release();     // the output is free: whole lines of all, then one unfinished
  void break_line();  // ends the unfinished line for the others' sake
  void expired();

  device::CharSink& out_;
  std::unique_ptr<loop::EventLoop::Timer> timer_;
  std::mutex mutex_;
  std::list<Port> ports_;
  Port* owner_ = nullptr;  // whose line is unfinished
  bool grown_ = false;     // it has grown since the timer was armed
  bool armed_ = false;
};

}  // namespace pv::cli
