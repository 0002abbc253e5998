// For tests: a file of a given size with a name of its own, removed at the end.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "base/check.h"
#include "base/fd.h"
#include "base/types.h"

namespace pv::block {

class TestFile {
 public:
  explicit TestFile(u64 size) {
    const char* folder = ::getenv("TMPDIR");
    path_ = std::string(folder != nullptr && *folder != 0 ? folder : "/tmp") + "/pv-block-XXXXXX";
    fd_ = Fd(::mkostemp(path_.data(), 0));
    CHECK(fd_.valid());
    truncate(size);
  }
  ~TestFile() { ::unlink(path_.c_str()); }
  TestFile(const TestFile&) = delete;
  TestFile& operator=(const TestFile&) = delete;

  const std::string& path() const { return path_; }
  void truncate(u64 size) { CHECK(::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0); }
  std::string content(u64 offset, usize size) const {
    std::string text(size, '\0');
    const ssize_t n = ::pread(fd_.get(), text.data(), size, static_cast<off_t>(offset));
    CHECK(n >= 0);
    text.resize(static_cast<usize>(n));
    return text;
  }
  void fill(u64 offset, const std::string& text) {
    CHECK(::pwrite(fd_.get(), text.data(), text.size(), static_cast<off_t>(offset)) ==
          static_cast<ssize_t>(text.size()));
  }

 private:
  std::string path_;
  Fd fd_;
};

}  // namespace pv::block
