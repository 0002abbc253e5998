#include "virtio/entropy.h"

#include <algorithm>

namespace pv::virtio {
namespace {
constexpr u8 state_version = 1;
}

void Rng::read_config(u64 offset, MutableBytes into) const { copy_config({}, offset, into); }

void Rng::notify(u16 index) {
  Queue& queue = host().queue(index);
  u8 random[max_fill];
  for (u32 chains = 0; queue.pop(chain_);) {
    const usize size = static_cast<usize>(std::min<u64>(chain_.writable_bytes(), max_fill));
    entropy_.fill(MutableBytes(random, size));
    ChainWriter(chain_).write(Bytes(random, size));
    queue.push(chain_.head(), size);
    if (++chains >= 2 * u32{queue.max_size()}) {
      host().defer(index);
      break;
    }
  }
  host().finish(index);
}

// Nothing to keep but the version: what the driver has asked for lies in its queue.
void Rng::save(StateWriter& out) const { out.put8(state_version); }

Result<void> Rng::restore(StateReader& in) {
  if (in.get8() != state_version)
    return fail(Error::Kind::image, "the saved state of the virtio entropy device is damaged");
  return {};
}

}  // namespace pv::virtio
