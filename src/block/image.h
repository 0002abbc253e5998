// Image: what a disk is to the device in front of it. The bytes move through an Engine.
// RawImage is a regular file or block device whose bytes are the disk's bytes.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/types.h"

namespace pv::block {

class Image {
 public:
  virtual ~Image() = default;
  virtual u64 size() const = 0;  // bytes, fixed when the image was opened
  virtual bool read_only() const = 0;
  // Smallest unit of I/O in bytes, a power of two from 512 to 65536; the guest is told.
  virtual u32 block_size() const = 0;
  // Whether discard and write_zeroes can be tried.
  virtual bool can_discard() const = 0;
};

struct RawOptions {
  bool read_only = false;
  bool direct = false;  // O_DIRECT: past the host's page cache
};

// A descriptor, never a path after open(). A file that is truncated while in use gives I/O errors
// when the missing part is read; it is never mapped. Writers hold an exclusive lock on the whole
// file (fcntl, F_OFD_SETLK), readers a shared one, where the file system has locks.
class RawImage final : public Image {
 public:
  // Errors name the path: missing, a directory, empty, no permission, in use, O_DIRECT refused.
  static Result<RawImage> open(const std::string& path, RawOptions options);
  // The same from an open descriptor, which must fit the options (access mode, O_DIRECT).
  static Result<RawImage> adopt(Fd fd, RawOptions options);

  u64 size() const override { return size_; }
  bool read_only() const override { return options_.read_only; }
  u32 block_size() const override { return block_size_; }
  bool can_discard() const override { return !options_.read_only; }

  int fd() const { return fd_.get(); }
  bool direct() const { return options_.direct; }
  // What the addresses of buffers must be a multiple of for direct I/O; 1 without it.
  u32 memory_alignment() const { return memory_alignment_; }

 private:
  RawImage(Fd fd, RawOptions options) : fd_(std::move(fd)), options_(options) {}

  Fd fd_;
  RawOptions options_;
  u64 size_ = 0;
  u32 block_size_ = 512;
  u32 memory_alignment_ = 1;
};

}  // namespace pv::block
