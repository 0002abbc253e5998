#include "virtio/device.h"

#include <algorithm>
#include <cstring>

namespace pv::virtio {

void VirtioDevice::copy_config(Bytes config, u64 offset, MutableBytes into) {
  std::fill(into.begin(), into.end(), u8{0});
  if (offset >= config.size()) return;
  const Bytes from = config.subspan(static_cast<usize>(offset));
  std::memcpy(into.data(), from.data(), std::min(from.size(), into.size()));
}

}  // namespace pv::virtio
