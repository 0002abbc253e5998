#include "inspect/page_walk.h"

#include <algorithm>

#include "base/text.h"

namespace pv::inspect {
namespace {

constexpr u64 smallest_page = 1024;  // of any architecture here

}  // namespace

Result<void> read_virtual(const PageWalk& walk, const ReadPhysical& read, u64 address,
                          MutableBytes into) {
  while (!into.empty()) {
    Translation page = TRY(walk.translate(address));
    // Without translation any piece would do; a page keeps it from crossing the end of RAM.
    u64 size = std::max(page.size, smallest_page);
    usize piece =
        static_cast<usize>(std::min<u64>(into.size(), size - (page.physical & (size - 1))));
    if (!read(page.physical, into.first(piece)))
      return fail(Error::Kind::image,
                  text("{:#x} is mapped to {:#x}, where there is no RAM", address, page.physical));
    into = into.subspan(piece);
    address += piece;
  }
  return {};
}

}  // namespace pv::inspect
