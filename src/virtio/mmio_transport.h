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
#include <vector>

#include "base/log.h"
#include "bus/mmio_device.h"
#include "hv/irq_line.h"
#include "loop/executor.h"
#include "memory/guest_memory.h"
#include "virtio/device.h"
#include "virtio/queue.h"
#include "virtio/spec.h"

namespace pv::virtio {

class VirtioMmio final : public bus::MmioDevice, private DeviceHost {
 public:
  static constexpr u64 size = 0x200;  // of the register window
  // Offset for Vm::attach_ioevent(): 4 bytes wide, matching the queue's index.
  static constexpr u64 notify_offset = spec::mmio::QueueNotify;

  // All outlive the transport. Tasks posted to the executor refer to it: the executor has stopped
  // when it is destroyed.
  VirtioMmio(VirtioDevice& device, memory::GuestMemory& memory, hv::IrqLine& irq,
             loop::Executor& executor, Log& log, std::endian bus_order = std::endian::little);
  // Waits for I/O in flight, so that guest memory may go next.
  ~VirtioMmio() override;

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;

  // What a notification of `queue` writes, as the bus sees it.
  u64 notify_value(u16 queue) const { return ordered(queue, bus::Width::word); }
  u16 queue_count() const { return static_cast<u16>(queues_.size()); }
  bool wants_ioevent() const { return device_.asynchronous(); }
  // An ioeventfd fired. Takes the mutex; any thread, normally the executor's.
  void notify_from_executor(u16 queue);

  // Finishes what is in flight and takes up nothing new until resume(). Both take the mutex. vCPUs
  // should be parked first, so that the guest cannot see the difference.
  void pause();
  void resume();

  // The whole device, with the transport's own state in front. save() finishes I/O in flight.
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

 private:
  struct State {
    u32 status = 0;
    u32 device_features_sel = 0;
    u32 driver_features_sel = 0;
    u64 driver_features = 0;
    u32 queue_sel = 0;
    u32 interrupt_status = 0;
    u32 generation = 0;
  };

  u64 ordered(u64 value, bus::Width width) const {
    return bus_order_ == std::endian::little ? value : bus::byte_swapped(value, width);
  }
  u64 read_value(bus::Access access);
  Queue& queue(u16 index) override { return queues_[index]; }
  bool running() const override;
  u64 driver_features() const override { return state_.driver_features; }
  void finish(u16 index) override;
  void config_changed() override;
  void defer(u16 index) override;
  std::mutex& device_mutex() override { return mutex(); }

  u64 offered_features() const;
  Queue* selected();
  u32 read_register(u32 offset);
  void write_register(u32 offset, u32 value);
  void write_queue_register(u32 offset, u32 value);
  void write_driver_features(u32 value);
  void write_status(u32 value);
  void write_ready(Queue& queue, u32 value);
  void notify(u32 index);
  void notify_inline(u32 index);
  void notify_all();
  void needs_reset(u16 index);
  void reset();
  void raise(u32 cause);
  void update_irq();

  VirtioDevice& device_;
  hv::IrqLine& irq_;
  loop::Executor& executor_;
  Log& log_;
  std::endian bus_order_;
  std::vector<Queue> queues_;
  State state_;
  bool irq_level_ = false;
  bool paused_ = false;
  u64 deferred_ = 0;  // a bit for each queue that has a task on the executor
  Throttle complaints_{10};
};

}  // namespace pv::virtio
