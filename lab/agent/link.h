// The agent's half of the serial line between a lab host and the lab.
//
// Towards the lab:    SOH token type length payload, with an 8-character token of this run, one
//                     character of type, four hexadecimal digits of length. Everything that is
//                     not such a frame is the kernel's own console output.
// Towards the agent:  SOH type length payload (the lab is alone on that direction).
// The tty is raw: every byte value passes.
#pragma once
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace lab {

struct Frame {
  char type;
  std::string payload;
};

class Link final {
 public:
  Link(int fd, std::string token) : fd_(fd), token_(std::move(token)) {}
  int fd() const { return fd_; }

  // Sends the payload as one frame, or as several when it is longer than a frame may be.
  void send(char type, std::string_view payload);
  // Reads what is there (blocks when nothing is) and takes it apart. False when the line is gone.
  bool receive();
  // The oldest frame that has arrived and was not taken yet.
  bool take(Frame& out);
  void drain() const;

 private:
  void write_all(std::string_view data) const;

  int fd_;
  std::string token_;
  std::string input_;
  std::deque<Frame> frames_;
};

}  // namespace lab
