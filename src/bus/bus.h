// Bus: from an address to the device that answers there. One Bus carries memory-mapped I/O,
// another x86's ports.
//
// Readers (vCPU threads) take an immutable snapshot behind an atomic pointer and never wait for a
// change; a Transaction prepares the next snapshot and publishes it whole. The old one is kept
// until reclaim(), which the VM calls when every vCPU is parked and thus has left it.
//
// Lock order, written here once: device mutex -> interrupt controller -> vCPU. A device never
// calls another device.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
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

class Bus {
 public:
  Bus();
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // An access that no device claims, or that crosses the end of one, reads as all ones and writes
  // nothing. The result says whether a device answered, for logs and statistics.
  bool read(u64 address, Width width, u64& value) const;
  bool write(u64 address, Width width, u64 value) const;

  // Prepares changes and publishes them together. The devices outlive the bus.
  class Transaction {
   public:
    explicit Transaction(Bus& bus);
    ~Transaction();
    // Errors: empty range, wrap-around, overlap with a device already there (named).
    Result<void> attach(Range range, MmioDevice& device, std::string_view name);
    // Removes the device at exactly this base; false when there is none.
    bool detach(u64 base);
    void commit();

   private:
    Bus& bus_;
    std::unique_lock<std::mutex> lock_;
    std::unique_ptr<Snapshot> next_;
  };

  // One attach in a transaction of its own.
  Result<void> attach(Range range, MmioDevice& device, std::string_view name);

  // Frees snapshots that are no longer current. Only while no thread is inside read() or write().
  void reclaim();

 private:
  std::atomic<const Snapshot*> current_;
  std::vector<std::unique_ptr<const Snapshot>> owned_;  // the last one is current
  std::mutex change_;
};

}  // namespace pv::bus
