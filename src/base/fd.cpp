#include "base/fd.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/clock.h"
#include "base/handed_fd.h"
#include "base/text.h"

namespace pv {

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<Fd> open_file(const std::string& path, int flags, unsigned mode) {
  TRY(check_handed(path));
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail_errno(text("cannot open {}", path), errno);
  return Fd(fd);
}

namespace {
// Repeats `once(bytes so far)` until the span is full or `once` returns 0.
template <class Once>
Result<usize> repeat(usize size, const char* what, Once once) {
  usize done = 0;
  while (done < size) {
    ssize_t n = once(done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(what, errno);
    if (n == 0) break;
    done += static_cast<usize>(n);
  }
  return done;
}
}  // namespace

Result<usize> read_at(int fd, MutableBytes into, u64 offset) {
  return repeat(into.size(), "read", [&](usize done) {
    return ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
  });
}

Result<usize> read_fully(int fd, MutableBytes into, int patience_ms) {
  bool silent = false;
  const auto once = [&](usize done) -> ssize_t {
    for (;;) {
      pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
      const int ready = patience_ms < 0 ? 1 : ::poll(&entry, 1, patience_ms);
      silent = ready == 0;
      if (ready <= 0) return ready;
      const ssize_t got = ::read(fd, into.data() + done, into.size() - done);
      if (got >= 0 || errno != EAGAIN || patience_ms < 0) return got;
    }
  };
  auto filled = repeat(into.size(), "read", once);
  if (filled && silent)
    return fail(Error::Kind::image,
                text("nothing came out of it for {} seconds", patience_ms / 1000));
  return filled;
}

bool collect(int fd, i64 wait_ms, usize most, std::string& into) {
  const i64 end = monotonic_ms() + wait_ms;
  for (i64 left = wait_ms; left > 0; left = end - monotonic_ms()) {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min<i64>(left, INT_MAX)));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    char block[4096];
    const ssize_t got = ::read(fd, block, sizeof block);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return true;
    into.append(block, std::min(most - std::min(most, into.size()), static_cast<usize>(got)));
  }
  return false;
}

Result<void> write_fully(int fd, Bytes from) {
  auto written = repeat(from.size(), "write", [&](usize done) {
    return ::write(fd, from.data() + done, from.size() - done);
  });
  if (!written) return std::unexpected(std::move(written).error());
  if (*written != from.size()) return fail(Error::Kind::host, "write: the device is full");
  return {};
}

void write_or_drop(int fd, Bytes message, int wait_ms) {
  pollfd entry{fd, POLLOUT, 0};
  if (::poll(&entry, 1, wait_ms) <= 0 || (entry.revents & POLLOUT) == 0) return;
  // What cannot be written has nowhere to say so.
  [[maybe_unused]] ssize_t n = ::write(fd, message.data(), message.size());
}

Result<u64> file_size(int fd) {
  struct stat st;
  if (::fstat(fd, &st) < 0) return fail_errno("fstat", errno);
  if (S_ISREG(st.st_mode)) return static_cast<u64>(st.st_size);
  if (S_ISBLK(st.st_mode)) {
    u64 size = 0;
    if (::ioctl(fd, BLKGETSIZE64, &size) < 0) return fail_errno("BLKGETSIZE64", errno);
    return size;
  }
  if (S_ISDIR(st.st_mode)) return fail(Error::Kind::image, "is a directory, not a file");
  return fail(Error::Kind::image, "is neither a file nor a block device");
}

}  // namespace pv
