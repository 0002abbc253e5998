// Rng: the virtio entropy device (VIRTIO 1.2, section 5.4): each buffer that the driver offers is
// filled, up to max_fill bytes, and given back.
//
//   Linux   CONFIG_HW_RANDOM_VIRTIO, /dev/hwrng
#pragma once

#include <array>

#include "device/ports.h"
#include "virtio/device.h"
#include "virtio/spec.h"

namespace pv::virtio {

class Rng final : public VirtioDevice {
 public:
  // One chain may describe 4 GiB; a device may fill less than was asked for (5.4.6.2).
  static constexpr usize max_fill = 4096;

  explicit Rng(device::Entropy& entropy) : entropy_(entropy) {}

  std::string_view name() const override { return "virtio-rng"; }
  u32 device_id() const override { return spec::device_entropy; }
  u64 features() const override { return 0; }
  std::span<const u16> queue_sizes() const override { return sizes; }
  void read_config(u64 offset, MutableBytes into) const override;
  void notify(u16 queue) override;
  void reset() override {}
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

 private:
  static constexpr std::array<u16, 1> sizes = {16};

  device::Entropy& entropy_;
  Chain chain_;
};

}  // namespace pv::virtio
