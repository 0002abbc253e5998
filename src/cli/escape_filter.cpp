#include "cli/escape_filter.h"

namespace pv::cli {

EscapeFilter::Result EscapeFilter::feed(Bytes keys) {
  Result result;
  for (const u8 key : keys) {
    if (!escaped_) {
      escaped_ = key == escape;
      if (!escaped_) result.guest.push_back(key);
      continue;
    }
    escaped_ = false;
    if (key == 'x') {
      result.leave = true;
      return result;
    }
    if (key == 'h') {
      result.help = true;
      continue;
    }
    result.guest.push_back(escape);
    if (key != escape) result.guest.push_back(key);
  }
  return result;
}

}  // namespace pv::cli
