// VirtioDevice: what a device is apart from its transport (VIRTIO 1.2, sections 2 and 5), and
// DeviceHost: what a transport offers its device.
//
// All calls in both directions happen with the transport's mutex held, except where stated. A
// device keeps no pointer into guest memory between calls other than in chains it has popped.
#pragma once

#include <mutex>
#include <span>
#include <string_view>

#include "base/check.h"
#include "base/serialize.h"
#include "base/types.h"
#include "virtio/queue.h"

namespace pv::virtio {

class DeviceHost {
 public:
  virtual Queue& queue(u16 index) = 0;
  // The driver has said DRIVER_OK, nothing is broken, and the machine is not paused.
  virtual bool running() const = 0;
  // What was negotiated; meaningful while running.
  virtual u64 driver_features() const = 0;
  // After a batch of push(): interrupts if the driver wants it. If the queue broke meanwhile, asks
  // the driver for a reset and says so in the log.
  virtual void finish(u16 queue) = 0;
  virtual void config_changed() = 0;
  // Calls notify(queue) again soon, on the executor.
  virtual void defer(u16 queue) = 0;
  // For callers that come from outside, such as an I/O engine's completions.
  virtual std::mutex& device_mutex() = 0;

 protected:
  ~DeviceHost() = default;
};

class VirtioDevice : public Stateful {
 public:
  virtual ~VirtioDevice() = default;

  virtual std::string_view name() const = 0;  // "virtio-blk", for logs
  virtual u32 device_id() const = 0;
  // The device type's own bits (0 to 23 and 50 up); the transport adds those of the queue.
  virtual u64 features() const = 0;
  // The largest size of each queue, a power of two; the span lives as long as the device.
  virtual std::span<const u16> queue_sizes() const = 0;
  // Whether notifications should come through ioeventfd and the executor (true), because handling
  // them takes time, or inline on the vCPU's thread (false).
  virtual bool asynchronous() const { return false; }

  // Configuration space, little-endian, any offset and length; beyond its end reads give zeroes.
  virtual void read_config(u64 offset, MutableBytes into) const = 0;
  virtual void write_config(u64 offset, Bytes from) {
    static_cast<void>(offset);
    static_cast<void>(from);
  }

  // The driver may have made buffers available in this queue. Only while running.
  virtual void notify(u16 queue) = 0;
  // The driver has reset the device, or stopped this queue: forget what was popped, for good.
  // Returns only when no I/O touches the guest's buffers any more.
  virtual void reset() = 0;
  virtual void reset_queue(u16 queue) {
    static_cast<void>(queue);
    reset();
  }
  // Finishes everything that is in flight; before a pause or a save.
  virtual void quiesce() {}

  void attach(DeviceHost& host) { host_ = &host; }

 protected:
  DeviceHost& host() const {
    CHECK(host_ != nullptr);
    return *host_;
  }
  bool attached() const { return host_ != nullptr; }
  // Serves read_config() from the bytes of a structure.
  static void copy_config(Bytes config, u64 offset, MutableBytes into);

 private:
  DeviceHost* host_ = nullptr;
};

}  // namespace pv::virtio
