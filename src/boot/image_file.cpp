#include "boot/image_file.h"

#include <algorithm>

#include "base/fd.h"
#include "base/text.h"

namespace pv::boot {

Result<ImageFile> ImageFile::open(int fd, std::string_view name) {
  ImageFile file;
  file.fd_ = fd;
  file.name_ = name;
  file.size_ = TRY(file_size(fd), name);
  if (file.size_ == 0)
    return fail(Error::Kind::image, text("{}: the file is empty", name), "copy the file again");
  file.head_length_ = static_cast<usize>(std::min<u64>(file.size_, head_size));
  TRY(file.read(0, {file.head_.data(), file.head_length_}));
  return file;
}

Result<void> ImageFile::read(u64 offset, MutableBytes into) const {
  usize got = TRY(read_at(fd_, into, offset), name_);
  if (got != into.size())
    return fail(Error::Kind::image,
                text("{}: the file ends at {:#x}, before the {} bytes wanted at {:#x}", name_,
                     offset + got, into.size(), offset),
                "it was truncated while being read: copy the file again");
  return {};
}

}  // namespace pv::boot
