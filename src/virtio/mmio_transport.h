// VirtioMmio: the MMIO transport, version 2 (VIRTIO 1.2, section 4.2), for one device.
//
//   device tree   virtio_mmio@a000000 { compatible = "virtio,mmio"; reg = <0x0a000000 0x200>;
//                                       interrupts = <...>; dma-coherent; };
//   Linux         CONFIG_VIRTIO_MMIO; without a device tree virtio_mmio.device=512@0xd0000000:5
//
// The interrupt line is a level: up while InterruptStatus is not zero, set only when that changes
// (one call up, one down per interrupt; a controller that was told "edge" latches the rise).
// Accesses that the specification does not allow read as all ones and write nothing.
// The registers are little-endian on every machine; on the bus of a big-endian CPU (powerpc), where
// a plain load or store means big-endian, `bus_order` says so and every access is swapped.
// Absent: the legacy interface (version 1), shared memory regions, queue reset, notification data.
#pragma once

#include <bit>

#include "bus/mmio_device.h"
#include "hv/irq_line.h"
#include "virtio/transport.h"

namespace pv::virtio {

class VirtioMmio final : public bus::MmioDevice, public Transport {
 public:
  static constexpr u64 size = 0x200;  // of the register window
  // Offset of the doorbell: 4 bytes wide, matching the queue's index.
  static constexpr u64 notify_offset = spec::mmio::QueueNotify;

  // As Transport's; the line too outlives it.
  VirtioMmio(VirtioDevice& device, memory::GuestMemory& memory, hv::IrqLine& irq,
             loop::Executor& executor, Log& log, std::endian bus_order = std::endian::little)
      : Transport(device, memory, executor, log), irq_(irq), bus_order_(bus_order) {}
  ~VirtioMmio() override { shut_down(); }

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;

  // What a notification of `queue` writes, as the bus sees it.
  u64 notify_value(u16 queue) const { return ordered(queue, bus::Width::word); }

  // The whole device, with the transport's own state in front. save() finishes I/O in flight.
  void save(StateWriter& out) const override { save_state(out); }
  Result<void> restore(StateReader& in) override;

 private:
  u64 ordered(u64 value, bus::Width width) const {
    return bus_order_ == std::endian::little ? value : bus::byte_swapped(value, width);
  }
  std::mutex& device_mutex() override { return mutex(); }
  void queue_interrupt(u16) override { raise(spec::mmio::interrupt_used); }
  void config_interrupt() override { raise(spec::mmio::interrupt_config); }
  void interrupts_reset() override { update_irq(); }

  u64 read_value(bus::Access access);
  u32 read_register(u32 offset);
  void write_register(u32 offset, u32 value);
  void write_queue_register(u32 offset, u32 value);
  void write_ready(Queue& queue, u32 value);
  void raise(u32 cause);
  void update_irq();

  hv::IrqLine& irq_;
  std::endian bus_order_;
  bool irq_level_ = false;
};

}  // namespace pv::virtio
