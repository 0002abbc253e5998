#include "block/file_io.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pv::block {
namespace {

constexpr usize bounce_size = 256 * 1024;
constexpr usize chunk = 8 * 1024 * 1024;  // between two looks at whether anybody still wants it

// What has been moved may be less than what was asked for: steps over it.
void advance(std::span<iovec>& pieces, usize moved) {
  while (!pieces.empty() && moved >= pieces.front().iov_len) {
    moved -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (pieces.empty()) return;
  pieces.front().iov_base = static_cast<u8*>(pieces.front().iov_base) + moved;
  pieces.front().iov_len -= moved;
}

// The first pieces that are together no more than `chunk`; the first one cut where it alone is
// more.
std::span<const iovec> first_of(std::span<const iovec> pieces, iovec& cut) {
  usize bytes = 0, count = 0;
  while (count < pieces.size() && bytes + pieces[count].iov_len <= chunk)
    bytes += pieces[count++].iov_len;
  if (count != 0) return pieces.first(count);
  cut = {pieces.front().iov_base, chunk};
  return {&cut, 1};
}

int transfer(int fd, bool is_write, std::span<iovec> pieces, u64 offset,
             const std::atomic<bool>& abandoned) {
  while (!pieces.empty()) {
    if (abandoned.load(std::memory_order_relaxed)) return ECANCELED;
    iovec cut;
    const auto now = first_of(pieces, cut);
    const int count = static_cast<int>(now.size());
    const off_t at = static_cast<off_t>(offset);
    const ssize_t n =
        is_write ? ::pwritev(fd, now.data(), count, at) : ::preadv(fd, now.data(), count, at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return EIO;  // the file has become shorter
    offset += static_cast<u64>(n);
    advance(pieces, static_cast<usize>(n));
  }
  return 0;
}

// Copies between the next bytes of the guest's buffers and ours.
void copy(std::span<iovec>& pieces, u8* ours, usize size, bool from_guest) {
  while (size > 0) {
    const usize n = std::min(size, pieces.front().iov_len);
    if (from_guest)
      std::memcpy(ours, pieces.front().iov_base, n);
    else
      std::memcpy(pieces.front().iov_base, ours, n);
    ours += n;
    size -= n;
    advance(pieces, n);
  }
}

int transfer_bounced(const RawImage& image, const Operation& op, std::span<iovec> pieces,
                     const std::atomic<bool>& abandoned) {
  const bool is_write = op.kind == Operation::Kind::write;
  u8* ours = static_cast<u8*>(std::aligned_alloc(image.memory_alignment(), bounce_size));
  if (ours == nullptr) return ENOMEM;
  int error = 0;
  for (u64 done = 0; done < op.length && error == 0;) {
    const usize size = static_cast<usize>(std::min<u64>(op.length - done, bounce_size));
    iovec one{ours, size};
    if (is_write) copy(pieces, ours, size, true);
    error = transfer(image.fd(), is_write, std::span(&one, 1), op.offset + done, abandoned);
    if (!is_write && error == 0) copy(pieces, ours, size, false);
    done += size;
  }
  std::free(ours);
  return error;
}

int allocate(int fd, int mode, const Operation& op) {
  int result;
  do {
    result = ::fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(op.offset),
                         static_cast<off_t>(op.length));
  } while (result < 0 && errno == EINTR);
  if (result == 0) return 0;
  return errno == ENOSYS ? EOPNOTSUPP : errno;
}

int sync_data(int fd) {
  int result;
  do {
    result = ::fdatasync(fd);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? errno : 0;
}

int write_zeroes(int fd, const Operation& op) {
  if (op.may_unmap) {
    const int error = allocate(fd, FALLOC_FL_PUNCH_HOLE, op);
    if (error != EOPNOTSUPP) return error;
  }
  return allocate(fd, FALLOC_FL_ZERO_RANGE, op);
}

}  // namespace

bool buffers_fit(const RawImage& image, const Operation& op) {
  const u32 unit = image.memory_alignment();
  if (unit == 1) return true;
  return std::all_of(op.buffers.begin(), op.buffers.end(), [&](const iovec& piece) {
    return is_aligned(reinterpret_cast<uintptr_t>(piece.iov_base), unit) &&
           is_aligned(piece.iov_len, unit);
  });
}

int perform(const RawImage& image, const Operation& op, const std::atomic<bool>& abandoned) {
  if (abandoned.load(std::memory_order_relaxed)) return ECANCELED;
  using Kind = Operation::Kind;
  int error = 0;
  switch (op.kind) {
    case Kind::read:
    case Kind::write: {
      std::vector<iovec> pieces(op.buffers.begin(), op.buffers.end());
      error = buffers_fit(image, op)
                  ? transfer(image.fd(), op.kind == Kind::write, pieces, op.offset, abandoned)
                  : transfer_bounced(image, op, pieces, abandoned);
      break;
    }
    case Kind::flush: return sync_data(image.fd());
    case Kind::discard: error = allocate(image.fd(), FALLOC_FL_PUNCH_HOLE, op); break;
    case Kind::write_zeroes: error = write_zeroes(image.fd(), op); break;
  }
  return error == 0 && op.durable ? sync_data(image.fd()) : error;
}

Cached read_cached(const RawImage& image, const Operation& op) {
  // Direct reads are never answered from the cache; they would wait for the disk.
  if (image.direct()) return Cached::not_here;
  const ssize_t n = ::preadv2(image.fd(), op.buffers.data(), static_cast<int>(op.buffers.size()),
                              static_cast<off_t>(op.offset), RWF_NOWAIT);
  if (n >= 0 && static_cast<u64>(n) == op.length) return Cached::done;
  const bool never = n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS);
  return never ? Cached::not_here : Cached::not_now;
}

}  // namespace pv::block
