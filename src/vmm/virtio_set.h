// The virtio devices that a configuration asks for, in slot order: console, disks, entropy.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/log.h"
#include "block/engine.h"
#include "config/vm_config.h"
#include "device/ports.h"
#include "loop/event_loop.h"
#include "virtio/block.h"
#include "virtio/console.h"
#include "virtio/entropy.h"
#include "vmm/files.h"

namespace pv::vmm {

class VirtioSet {
 public:
  // `files` keeps the disks' images and outlives the set, as does everything else.
  VirtioSet(const config::VmConfig& config, const Files& files, loop::EventLoop& loop,
            std::vector<virtio::Console::Port> console_ports, device::Entropy& entropy, Log& log);

  std::span<virtio::VirtioDevice* const> devices() const { return order_; }
  // The number on the PCI bus that each was given; 0: none.
  std::span<const u32> pci_devices() const { return places_; }
  // `first` runs on each thread that the disks start later, before anything else.
  void on_thread(const std::function<void()>& first);
  virtio::Console* console() { return console_.get(); }

 private:
  void add(virtio::VirtioDevice& device, u32 pci_device = 0);

  std::unique_ptr<virtio::Console> console_;
  std::vector<std::unique_ptr<block::Engine>> engines_;
  std::vector<std::unique_ptr<virtio::Block>> disks_;
  std::unique_ptr<virtio::Rng> rng_;
  std::vector<virtio::VirtioDevice*> order_;
  std::vector<u32> places_;  // as order_
};

}  // namespace pv::vmm
