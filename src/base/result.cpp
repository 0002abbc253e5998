#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace pv {

namespace {
// The doctor's check of what a system call is short of.
std::string_view check_about(int error) {
  if (error == ENOMEM) return "memory";
  if (error == EMFILE) return "open-files";
  return {};
}
}  // namespace

std::unexpected<Error> fail_errno(std::string what, int error, std::string hint) {
  // Whatever was wanted, this is the cause.
  if (error == EMFILE) hint = "this process may open too few files: ulimit -n 1024";
  if (error == ENFILE) hint = "the host has too many open files: see /proc/sys/fs/file-max";
  if (error == ENOSPC && hint.empty()) hint = "no room is left there: see df, or write elsewhere";
  const char* name = strerrorname_np(error);
  return std::unexpected(
      Error{Error::Kind::host,
            text("{}: {} ({})", what, strerror(error), name != nullptr ? name : "unknown error"),
            std::move(hint), check_about(error)});
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "polyvisor: bug: %s does not hold at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace pv
