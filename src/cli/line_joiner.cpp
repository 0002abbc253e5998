#include "cli/line_joiner.h"

#include "base/text.h"

namespace pv::cli {

Result<std::unique_ptr<LineJoiner>> LineJoiner::create(loop::EventLoop& loop,
                                                       device::CharSink& out) {
  std::unique_ptr<LineJoiner> joiner(new LineJoiner(out));
  LineJoiner* raw = joiner.get();
  joiner->timer_ = TRY(loop.timer([raw] { raw->expired(); }));
  return joiner;
}

void LineJoiner::put(std::string_view words) { out_.write(bytes_of(words)); }

void LineJoiner::write(Port& port, Bytes bytes) {
  if (bytes.empty()) return;
  std::lock_guard lock(mutex_);
  if (owner_ == nullptr || owner_ == &port) {
    out_.write(bytes);
    owner_ = bytes.back() == '\n' ? nullptr : &port;
    grown_ = true;
    if (owner_ == nullptr) release();
    return;
  }
  port.held_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (port.held_.size() > most_held) return break_line();
  if (armed_) return;
  armed_ = true;
  grown_ = false;
  timer_->arm(patience);
}

void LineJoiner::release() {
  for (Port& port : ports_) {
    const usize end = port.held_.rfind('\n');
    if (end == std::string::npos) continue;
    put(std::string_view(port.held_).substr(0, end + 1));
    port.held_.erase(0, end + 1);
  }
  for (Port& port : ports_) {
    if (port.held_.empty()) continue;
    put(port.held_);
    port.held_.clear();
    owner_ = &port;
    return;
  }
}

void LineJoiner::break_line() {
  if (owner_ != nullptr) put("\n");
  owner_ = nullptr;
  release();
}

// On the loop's thread.
void LineJoiner::expired() {
  std::lock_guard lock(mutex_);
  armed_ = false;
  bool waiting = false;
  for (const Port& port : ports_) waiting = waiting || !port.held_.empty();
  if (!waiting) return;
  if (!grown_) break_line();
  armed_ = true;  // for what still waits
  grown_ = false;
  timer_->arm(patience);
}

void LineJoiner::finish() {
  std::lock_guard lock(mutex_);
  for (Port& port : ports_) {
    if (port.held_.empty()) continue;
    if (owner_ != nullptr) put("\n");
    put(port.held_);
    owner_ = port.held_.back() == '\n' ? nullptr : &port;
    port.held_.clear();
  }
}

}  // namespace pv::cli
