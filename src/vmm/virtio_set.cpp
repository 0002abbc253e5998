#include "vmm/virtio_set.h"

#include "base/text.h"

namespace pv::vmm {

VirtioSet::VirtioSet(const config::VmConfig& config, const Files& files, loop::EventLoop& loop,
                     std::vector<virtio::Console::Port> console_ports, device::Entropy& entropy,
                     Log& log) {
  if (!console_ports.empty()) {
    console_ = std::make_unique<virtio::Console>(std::move(console_ports));
    order_.push_back(console_.get());
  }
  for (usize i = 0; i < files.disks.size(); ++i) {
    engines_.push_back(
        block::create_engine(block::EngineKind::automatic, files.disks[i], loop, log));
    disks_.push_back(std::make_unique<virtio::Block>(files.disks[i], *engines_.back(),
                                                     text("polyvisor-disk{}", i)));
    order_.push_back(disks_.back().get());
  }
  if (config.rng) {
    rng_ = std::make_unique<virtio::Rng>(entropy);
    order_.push_back(rng_.get());
  }
}

void VirtioSet::on_thread(const std::function<void()>& first) {
  for (auto& engine : engines_) engine->on_thread(first);
}

}  // namespace pv::vmm
