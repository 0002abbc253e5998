#include "block/image.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/check.h"
#include "base/handed_fd.h"
#include "base/text.h"

namespace pv::block {
namespace {

// Two machines that write to one file destroy it. A file system without locks says so; that is
// no reason to refuse the disk.
Result<void> lock(int fd, bool read_only) {
  struct flock whole{};
  whole.l_type = read_only ? F_RDLCK : F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &whole) < 0 && (errno == EAGAIN || errno == EACCES))
    return fail(Error::Kind::host, "the disk image is in use by another machine, or given twice",
                "stop the other one, or use the image read-only (,ro) everywhere");
  return {};
}

// The unit of direct I/O is asked of the file itself: whether 512 bytes can be read.
Result<u32> direct_unit(int fd) {
  constexpr usize page = 4096;
  void* raw = std::aligned_alloc(page, page);
  CHECK(raw != nullptr);
  ssize_t n = ::pread(fd, raw, 512, 0);
  u32 unit = 512;
  if (n < 0 && errno == EINVAL) {
    n = ::pread(fd, raw, page, 0);
    unit = page;
  }
  const int error = errno;
  std::free(raw);
  if (n < 0)
    return fail_errno("the disk image cannot be read directly (O_DIRECT)", error,
                      "leave out \"direct\" for this disk");
  return unit;
}

Result<void> change_flags(int fd, int clear) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags & ~clear) < 0)
    return fail_errno("fcntl(F_SETFL)", errno);
  return {};
}

std::unexpected<Error> explain_open(const std::string& path, int error, RawOptions options) {
  if (error == EISDIR)
    return fail(Error::Kind::image, text("disk image {} is a directory", path),
                "a disk is a file or a block device");
  const char* hint = "";
  if ((error == EACCES || error == EPERM || error == EROFS) && !options.read_only)
    hint = "a disk that may not be written needs \"ro\"";
  if (error == EINVAL && options.direct)
    hint = "where the file system cannot do direct I/O, leave out \"direct\"";
  auto failure = fail_errno(text("cannot open disk image {}", path), error, hint);
  failure.error().kind = Error::Kind::image;
  return failure;
}

}  // namespace

Result<RawImage> RawImage::open(const std::string& path, RawOptions options) {
  TRY(check_handed(path));
  // Without O_NONBLOCK opening a FIFO would wait for its other end.
  const int flags = (options.read_only ? O_RDONLY : O_RDWR) | (options.direct ? O_DIRECT : 0) |
                    O_NONBLOCK | O_NOCTTY;
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return explain_open(path, errno, options);
  return TRY(adopt(std::move(fd), options), text("disk image {}", path));
}

Result<RawImage> RawImage::adopt(Fd fd, RawOptions options) {
  RawImage image(std::move(fd), options);
  const int raw = image.fd();
  image.size_ = TRY(file_size(raw));
  if (image.size_ < 512)
    return fail(Error::Kind::image,
                image.size_ == 0 ? "is empty" : "is smaller than one sector of 512 bytes");
  // Asynchronous I/O must wait for the disk rather than give up.
  TRY(change_flags(raw, O_NONBLOCK));
  TRY(lock(raw, options.read_only));
  if (options.direct) {
    image.block_size_ = TRY(direct_unit(raw));
    image.memory_alignment_ = image.block_size_;
  }
  struct stat st{};
  int sector = 0;
  if (::fstat(raw, &st) == 0 && S_ISBLK(st.st_mode) && ::ioctl(raw, BLKSSZGET, &sector) == 0 &&
      sector >= 512)
    image.block_size_ = static_cast<u32>(sector);
  return image;
}

}  // namespace pv::block
