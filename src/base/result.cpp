#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace pv {

std::unexpected<Error> fail_errno(std::string what, int error, std::string hint) {
  // Whatever was wanted, this is the cause.
  if (error == EMFILE) hint = "this process may open too few files: ulimit -n 1024";
  if (error == ENFILE) hint = "the host has too many open files: see /proc/sys/fs/file-max";
  const char* name = strerrorname_np(error);
  return fail(Error::Kind::host,
              text("{}: {} ({})", what, strerror(error), name != nullptr ? name : "unknown error"),
              std::move(hint));
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "polyvisor: bug: %s does not hold at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace pv
