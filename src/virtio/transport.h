// Transport: what the transports have in common (VIRTIO 1.2, sections 2.1, 2.2, 3.1): device
// status, feature negotiation, the queues, notifications, and the host that a device sees. A
// derived class turns register accesses into these calls and interrupts the driver its own way.
//
// Everything but pause(), resume() and notify_from_executor() is called with device_mutex() held.
#pragma once

#include <vector>

#include "base/log.h"
#include "loop/executor.h"
#include "memory/guest_memory.h"
#include "virtio/device.h"
#include "virtio/queue.h"
#include "virtio/spec.h"

namespace pv::virtio {

class Transport : public DeviceHost {
 public:
  u16 queue_count() const { return static_cast<u16>(queues_.size()); }
  bool wants_ioevent() const { return device_.asynchronous(); }
  // An ioeventfd fired. Takes the mutex; any thread, normally the executor's.
  void notify_from_executor(u16 queue);

  // Finishes what is in flight and takes up nothing new until resume(). Both take the mutex. vCPUs
  // should be parked first, so that the guest cannot see the difference.
  void pause();
  void resume();

 protected:
  struct State {
    u32 status = 0;
    u32 device_features_sel = 0;
    u32 driver_features_sel = 0;
    u64 driver_features = 0;
    u32 queue_sel = 0;
    u32 interrupt_status = 0;
    u32 generation = 0;
  };
  // All outlive the transport. Tasks posted to the executor refer to it: the executor has stopped
  // when it is destroyed.
  Transport(VirtioDevice& device, memory::GuestMemory& memory, loop::Executor& executor, Log& log);
  ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // For the derived class's destructor: waits for I/O in flight, so that guest memory may go next.
  void shut_down() { device_.reset(); }

  // Interrupts the driver: a queue has used buffers, or the configuration changed. A reset has
  // taken both back.
  virtual void queue_interrupt(u16 index) = 0;
  virtual void config_interrupt() = 0;
  virtual void interrupts_reset() = 0;

  u64 offered_features() const;
  Queue* selected();
  u32 device_features() const { return half(offered_features(), state_.device_features_sel); }
  void write_driver_features(u32 value);
  void write_status(u32 value);
  // The driver says that the queue is set up.
  void enable_queue(u16 index);
  // What takes time is not done on the vCPU's thread.
  void notify_inline(u32 index);
  void needs_reset(u16 index);

  // The status, the queues and the device; save finishes I/O in flight.
  void save_state(StateWriter& out) const;
  // Checks and takes everything, or fails and leaves all as it was. The caller brings its
  // interrupts up to date.
  Result<void> restore_state(StateReader& in);

  static u32 half(u64 value, u32 select) {
    return select > 1 ? 0 : static_cast<u32>(value >> (32 * select));
  }
  static void set_half(u64& value, unsigned which, u32 to) {
    const unsigned shift = 32 * which;
    value = (value & ~(u64{0xffff'ffff} << shift)) | u64{to} << shift;
  }

  // DeviceHost
  Queue& queue(u16 index) final { return queues_[index]; }
  bool running() const final;
  u64 driver_features() const final { return state_.driver_features; }
  void finish(u16 index) final;
  void config_changed() final;
  void defer(u16 index) final;

  VirtioDevice& device_;
  std::vector<Queue> queues_;
  State state_;
  // Also drivers from before version 1 are served: nobody says FEATURES_OK there.
  bool legacy_ = false;

 private:
  void notify(u32 index);
  void notify_all();
  void reset();

  loop::Executor& executor_;
  Log& log_;
  bool paused_ = false;
  u64 deferred_ = 0;  // a bit for each queue that has a task on the executor
  Throttle complaints_{10};
};

}  // namespace pv::virtio
