// ImageFile: a file named by the user (kernel, initrd, device tree), read by pread only. A file
// mapped for parsing would kill the monitor with SIGBUS if somebody truncated it meanwhile.
// The first 4 KiB are read once: they hold every header that recognition needs.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace pv::boot {

class ImageFile {
 public:
  static constexpr usize head_size = 4096;

  // Takes a look at `fd`, which stays the caller's and must outlive this. `name` begins every
  // error. Errors: not a file, empty, unreadable.
  static Result<ImageFile> open(int fd, std::string_view name);

  int fd() const { return fd_; }
  const std::string& name() const { return name_; }
  u64 size() const { return size_; }
  // The first bytes of the file: head_size of them, fewer in a shorter file.
  Bytes head() const { return {head_.data(), head_length_}; }

  // Fills `into` from `offset`. Errors: the file ends before (it has been truncated), I/O error.
  Result<void> read(u64 offset, MutableBytes into) const;

 private:
  ImageFile() = default;

  int fd_ = -1;
  u64 size_ = 0;
  usize head_length_ = 0;
  std::string name_;
  std::array<u8, head_size> head_;
};

}  // namespace pv::boot
