// Queue: the device's side of a split virtqueue (VIRTIO 1.2, section 2.7), with indirect
// descriptors (2.7.5.3) and event indices (2.7.7, 2.7.10).
//
// Everything the driver writes is copied once and checked. A driver that breaks the rules breaks
// its queue: fault() says how, pop() finds nothing any more, and the transport asks the driver
// for a reset. Absent: packed layout; in-order completion.
#pragma once

#include <string_view>

#include "base/serialize.h"
#include "base/types.h"
#include "memory/guest_memory.h"
#include "virtio/chain.h"

namespace pv::virtio {

using memory::GuestAddress;
using memory::GuestMemory;

enum class QueueFault : u8 {
  none,
  bad_size,            // zero, not a power of two, or above the maximum
  misaligned,          // a ring's address
  outside_ram,         // a ring, wholly or in part
  avail_jump,          // more chains made available than the queue has descriptors
  too_many_in_flight,  // the same, counting those that the device still holds
  bad_index,           // a head or next outside the table
  chain_too_long,      // a loop, or longer than the specification allows
  buffer_outside_ram,
  chain_too_big,  // above 4 GiB
  readable_after_writable,
  indirect_not_negotiated,
  indirect_nested,
  indirect_with_next,
  indirect_bad_length,  // zero or not whole descriptors
  indirect_outside_ram,
  malformed_request,  // the device cannot answer what the chain holds
};
// One phrase for the log: "a descriptor chain that loops or is too long".
std::string_view describe(QueueFault fault);

// Where the driver says its queue lies; what it may set while the queue is not ready.
struct QueueSetup {
  u32 size = 0;
  u64 descriptors = 0;
  u64 avail = 0;
  u64 used = 0;
};

class Queue {
 public:
  // A chain with an indirect table may be longer than a small queue; drivers rely on it, and
  // readv() takes no more pieces than this in one call.
  static constexpr usize max_indirect_chain = 1024;

  Queue(GuestMemory& memory, u16 max_size) : memory_(&memory), max_size_(max_size) {}

  u16 max_size() const { return max_size_; }
  QueueSetup& setup() { return setup_; }
  const QueueSetup& setup() const { return setup_; }

  // Checks the set-up and starts at ring index 0. False: fault() says why.
  bool enable(bool indirect, bool event_idx);
  // Ends the use of the rings, keeps the set-up (QueueReady = 0).
  void disable();
  // To the state after power-on.
  void reset();
  bool ready() const { return ready_; }
  QueueFault fault() const { return fault_; }
  // The device found the content unusable.
  void break_with(QueueFault fault) {
    if (fault_ == QueueFault::none) fault_ = fault;
  }

  // Takes the next available chain into `chain`. False: none, not ready, or broken. When it finds
  // none, it has asked the driver to notify of the next one and has looked again.
  bool pop(Chain& chain);
  // Gives a chain back with the number of bytes written into it.
  void push(u16 head, u64 written);
  // After a batch of push(): whether the driver wants to be interrupted for it. Asking settles it.
  bool take_interrupt();

  // Chains popped and not yet pushed.
  u16 in_flight() const { return in_flight_; }

  // The set-up and the position in the rings. In flight must be none.
  void save(StateWriter& out) const;
  // Checks as enable() does; an error leaves this queue unusable, so restore into a copy.
  Result<void> restore(StateReader& in, bool indirect, bool event_idx);

 private:
  bool check_setup();
  bool available();
  bool walk_chain(u16 head, Chain& chain);
  bool walk_indirect(GuestAddress table, u32 length, Chain& chain);
  bool add_buffer(GuestAddress address, u32 length, bool writable, Chain& chain);
  bool broken(QueueFault fault) {
    break_with(fault);
    return false;
  }
  u16 load(u64 address) const;
  u16 slot(u16 index) const { return static_cast<u16>(index & (setup_.size - 1)); }
  void publish_avail_event();

  GuestMemory* memory_;
  u16 max_size_;
  QueueSetup setup_;
  bool ready_ = false;
  bool indirect_ = false;
  bool event_idx_ = false;
  QueueFault fault_ = QueueFault::none;
  u16 next_avail_ = 0;   // the ring index that pop() takes next
  u16 seen_avail_ = 0;   // the driver's index when last loaded
  u16 avail_event_ = 0;  // what the used ring holds
  u16 next_used_ = 0;
  u16 settled_used_ = 0;  // next_used_ when take_interrupt() was last asked
  u16 in_flight_ = 0;
};

}  // namespace pv::virtio
