// See link.h.
#include "link.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <termios.h>
#include <unistd.h>

namespace lab {
namespace {
constexpr char kStart = '\x01';
constexpr std::size_t kMaxPayload = 4096;
}  // namespace

void Link::write_all(std::string_view data) const {
  while (!data.empty()) {
    const ssize_t n = write(fd_, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    data.remove_prefix(static_cast<std::size_t>(n));
  }
}

void Link::send(char type, std::string_view payload) {
  do {
    const std::string_view part = payload.substr(0, kMaxPayload);
    char length[8];
    std::snprintf(length, sizeof length, "%04zx", part.size());
    std::string frame;
    frame.reserve(part.size() + token_.size() + 6);
    frame += kStart;
    frame += token_;
    frame += type;
    frame += length;
    frame += part;
    write_all(frame);
    payload.remove_prefix(part.size());
  } while (!payload.empty());
}

bool Link::receive() {
  char block[4096];
  const ssize_t n = read(fd_, block, sizeof block);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  if (n == 0) return false;
  input_.append(block, static_cast<std::size_t>(n));
  for (;;) {
    const std::size_t start = input_.find(kStart);
    if (start == std::string::npos) {
      input_.clear();
      return true;
    }
    input_.erase(0, start);
    if (input_.size() < 6) return true;
    const std::size_t length = std::strtoul(input_.substr(2, 4).c_str(), nullptr, 16);
    if (input_.size() < 6 + length) return true;
    frames_.push_back({input_[1], input_.substr(6, length)});
    input_.erase(0, 6 + length);
  }
}

bool Link::take(Frame& out) {
  if (frames_.empty()) return false;
  out = std::move(frames_.front());
  frames_.pop_front();
  return true;
}

void Link::drain() const { tcdrain(fd_); }

}  // namespace lab
