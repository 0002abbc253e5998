#include "base/result.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace pv {

std::unexpected<Error> fail_errno(std::string what, int error, std::string hint) {
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
