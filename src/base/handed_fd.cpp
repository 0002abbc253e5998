#include "base/handed_fd.h"

#include <fcntl.h>

#include <cerrno>
#include <string_view>

#include "base/text.h"

namespace pv {

std::optional<Result<Fd>> duplicate_named(const std::string& path) {
  constexpr std::string_view folders[] = {"/proc/self/fd/", "/dev/fd/"};
  for (std::string_view folder : folders) {
    if (!path.starts_with(folder) || path.size() == folder.size()) continue;
    int number = 0;
    for (char c : std::string_view(path).substr(folder.size())) {
      if (c < '0' || c > '9' || number > 1'000'000) return std::nullopt;
      number = number * 10 + (c - '0');
    }
    Fd fd(::fcntl(number, F_DUPFD_CLOEXEC, 3));
    if (!fd.valid())
      return fail_errno(text("cannot use {}", path), errno,
                        text("descriptor {} has to be open when polyvisor is started", number));
    return fd;
  }
  return std::nullopt;
}

}  // namespace pv
