#include "base/handed_fd.h"

#include <fcntl.h>

#include <cerrno>
#include <string_view>

#include "base/text.h"

namespace pv {

namespace {

std::optional<int> named_number(std::string_view path) {
  constexpr std::string_view folders[] = {"/proc/self/fd/", "/dev/fd/"};
  for (std::string_view folder : folders) {
    if (!path.starts_with(folder) || path.size() == folder.size()) continue;
    int number = 0;
    for (char c : path.substr(folder.size())) {
      if (c < '0' || c > '9' || number > 1'000'000) return std::nullopt;
      number = number * 10 + (c - '0');
    }
    return number;
  }
  return std::nullopt;
}

Result<void> check_open(const std::string& path, int number) {
  const int flags = ::fcntl(number, F_GETFD);
  if (flags >= 0 && (flags & FD_CLOEXEC) == 0) return {};
  return fail_errno(text("cannot use {}", path), EBADF,
                    text("descriptor {} has to be open when polyvisor is started", number));
}

Result<void> check_use(const std::string& path, int number, FdUse use) {
  const int mode = ::fcntl(number, F_GETFL) & O_ACCMODE;
  if (use == FdUse::write && mode == O_RDONLY)
    return fail(Error::Kind::host, text("{} is open for reading only", path),
                text("open it for writing, in a shell with {}>>FILE", number));
  if (use == FdUse::read && mode == O_WRONLY)
    return fail(Error::Kind::host, text("{} is open for writing only", path),
                text("open it for reading, in a shell with {}<FILE", number));
  return {};
}

}  // namespace

Result<void> check_handed(const std::string& path) {
  const auto number = named_number(path);
  return number ? check_open(path, *number) : Result<void>{};
}

std::optional<Result<Fd>> duplicate_named(const std::string& path, FdUse use) {
  const auto number = named_number(path);
  if (!number) return std::nullopt;
  const auto copy = [&]() -> Result<Fd> {
    TRY(check_open(path, *number));
    TRY(check_use(path, *number, use));
    Fd fd(::fcntl(*number, F_DUPFD_CLOEXEC, 3));
    if (!fd.valid()) return fail_errno(text("cannot use {}", path), errno);
    return fd;
  };
  return copy();
}

}  // namespace pv
