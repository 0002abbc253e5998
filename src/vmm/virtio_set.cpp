#include "vmm/virtio_set.h"

#include "base/text.h"
#include "config/pci_address.h"

namespace pv::vmm {

VirtioSet::VirtioSet(const config::VmConfig& config, const Files& files, loop::EventLoop& loop,
                     std::vector<virtio::Console::Port> console_ports, device::Entropy& entropy,
                     Log& log) {
  if (!console_ports.empty()) {
    console_ = std::make_unique<virtio::Console>(std::move(console_ports));
    add(*console_, config::console_pci_device(config));
  }
  for (usize i = 0; i < files.disks.size(); ++i) {
    engines_.push_back(
        block::create_engine(block::EngineKind::automatic, files.disks[i], loop, log));
    disks_.push_back(std::make_unique<virtio::Block>(files.disks[i], *engines_.back(),
                                                     text("polyvisor-disk{}", i)));
    add(*disks_.back(), config::pci_device(config.disks[i].pci_address));
  }
  if (config.rng) {
    rng_ = std::make_unique<virtio::Rng>(entropy);
    add(*rng_);
  }
}

void VirtioSet::add(virtio::VirtioDevice& device, u32 pci_device) {
  order_.push_back(&device);
  places_.push_back(pci_device);
}

void VirtioSet::on_thread(const std::function<void()>& first) {
  for (auto& engine : engines_) engine->on_thread(first);
}

}  // namespace pv::vmm
