// Bus: from an address to the device that answers there. One Bus carries memory-mapped I/O,
// another x86's ports.
//
// Readers (vCPU threads) take an immutable snapshot behind an atomic pointer and never wait for a
// change; a Transaction prepares the next snapshot and publishes it whole, together with the
// doorbells (writes that the hypervisor turns into an event) of what it attaches and detaches. It
// may be made by a device within its own access, which is how a guest moves a PCI BAR. An old
// snapshot is freed by a later change, once every reader that could hold it has left.
//
// Lock order, written here once: device mutex -> the bus's own -> interrupt controller -> vCPU. A
// device never calls another device.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "bus/mmio_device.h"

namespace pv::bus {

struct Snapshot;

struct Range {
  u64 base = 0;
  u64 size = 0;
};

// A write of `width` bytes to an address (to one value, if `match` is given) that signals the
// eventfd `event` instead of reaching the device.
struct Doorbell {
  u64 address = 0;  // for Transaction::attach(): from the start of the range
  u32 width = 0;
  std::optional<u64> match;
  int event = -1;

  bool operator==(const Doorbell&) const = default;
};

// Who can do that: the hypervisor. A doorbell that it cannot attach is none, and the write reaches
// the device.
class DoorbellPort {
 public:
  virtual ~DoorbellPort() = default;
  virtual void attach(const Doorbell& doorbell) = 0;
  virtual void detach(const Doorbell& doorbell) = 0;
};

class Bus {
 public:
  Bus();
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // An access that no device claims, or that crosses the end of one, reads as all ones and writes
  // nothing. The result says whether a device answered, for logs and statistics. `cpu`: who asks.
  bool read(u64 address, Width width, u64& value, u32 cpu = 0) const;
  bool write(u64 address, Width width, u64 value, u32 cpu = 0) const;

  // Prepares changes and publishes them together. The devices outlive the bus.
  class Transaction {
   public:
    explicit Transaction(Bus& bus);
    ~Transaction();
    // The device sees offsets from `first_offset` up. Errors: empty range, wrap-around, overlap
    // with a device already there (named).
    Result<void> attach(Range range, MmioDevice& device, std::string_view name,
                        u64 first_offset = 0, std::span<const Doorbell> doorbells = {});
    // Removes the device at exactly this base; false when there is none.
    bool detach(u64 base);
    // At no moment is a write lost: until its doorbell rings it reaches the device.
    void commit();

   private:
    Bus& bus_;
    std::unique_lock<std::mutex> lock_;
    std::unique_ptr<Snapshot> next_;
    std::vector<Doorbell> leaving_;
    std::vector<Doorbell> coming_;
  };

  // One attach in a transaction of its own.
  Result<void> attach(Range range, MmioDevice& device, std::string_view name);

  // Who rings; outlives the bus. Without one, doorbells have no effect.
  void set_doorbell_port(DoorbellPort& port) { port_ = &port; }

  // Snapshots that are kept, the current one among them; for tests.
  usize kept() const;

 private:
  class Reading;
  void retire(std::unique_ptr<const Snapshot> old);

  std::atomic<const Snapshot*> current_;
  // How many readers came in each of two phases. A change frees what it retired a phase ago when
  // the readers of the other phase have left, and then lets the next ones count there. So both
  // counts have been zero since a snapshot was replaced before it is freed.
  mutable std::array<std::atomic<u32>, 2> readers_{};
  std::atomic<u32> phase_{0};
  std::unique_ptr<const Snapshot> owned_;  // the current one
  std::vector<std::unique_ptr<const Snapshot>> retired_, retired_before_;
  DoorbellPort* port_ = nullptr;
  mutable std::mutex change_;
};

}  // namespace pv::bus
