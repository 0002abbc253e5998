// Fd: a file descriptor with an owner. The rest of the file is the few POSIX calls that every
// layer needs in a form that handles EINTR and short counts.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "base/types.h"

namespace pv {

class [[nodiscard]] Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Opens with O_CLOEXEC added. Errors name the path and the reason.
Result<Fd> open_file(const std::string& path, int flags, unsigned mode = 0);

// Reads until `into` is full or the file ends; returns the bytes read.
Result<usize> read_at(int fd, MutableBytes into, u64 offset);
// With patience (0 and up), of a descriptor that does not block: errors also (image) when nothing
// comes for so long.
Result<usize> read_fully(int fd, MutableBytes into, int patience_ms = -1);
// Appends to `into`, up to `most` bytes in it, what comes until the other end closes; more is read
// and dropped. False: it was not closed within `wait_ms`.
bool collect(int fd, i64 wait_ms, usize most, std::string& into);
Result<void> write_fully(int fd, Bytes from);
// For messages: writes once if the descriptor takes something within `wait_ms`, else drops them. A
// stopped terminal or a pipe that nobody reads must not hold up whoever has something to say.
void write_or_drop(int fd, Bytes message, int wait_ms);

// Size in bytes of a regular file or block device.
Result<u64> file_size(int fd);

}  // namespace pv
