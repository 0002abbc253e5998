#include "virtio/queue.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "virtio/spec.h"

namespace pv::virtio {
namespace {

// Orders our store to a ring before our next load from one, against the driver doing the opposite
// (2.7.7.2, 2.7.10.2). A read-modify-write does it too and is what ThreadSanitizer understands.
void full_barrier() {
#if defined(__SANITIZE_THREAD__)
  static std::atomic<int> order;
  order.fetch_add(1, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

u16 to_le(u16 value) { return std::bit_cast<u16>(Le16(value)); }
u16 from_le(u16 raw) { return std::bit_cast<Le16>(raw); }

}  // namespace

std::string_view describe(QueueFault fault) {
  switch (fault) {
    case QueueFault::none: return "nothing";
    case QueueFault::bad_size: return "a size that is zero, not a power of two or too large";
    case QueueFault::misaligned: return "a misaligned ring address";
    case QueueFault::outside_ram: return "a ring outside RAM";
    case QueueFault::avail_jump: return "an available index beyond the queue's size";
    case QueueFault::too_many_in_flight: return "more chains in flight than descriptors";
    case QueueFault::bad_index: return "a descriptor index outside the table";
    case QueueFault::chain_too_long: return "a descriptor chain that loops or is too long";
    case QueueFault::buffer_outside_ram: return "a buffer outside RAM";
    case QueueFault::chain_too_big: return "a descriptor chain of more than 4 GiB";
    case QueueFault::readable_after_writable: return "a readable buffer after a writable one";
    case QueueFault::indirect_not_negotiated: return "an indirect descriptor without the feature";
    case QueueFault::indirect_nested: return "an indirect descriptor in an indirect table";
    case QueueFault::indirect_with_next: return "an indirect descriptor that has a next one";
    case QueueFault::indirect_bad_length: return "an indirect table of no whole descriptors";
    case QueueFault::indirect_outside_ram: return "an indirect table outside RAM";
    case QueueFault::malformed_request: return "a request that cannot be answered";
  }
  return "?";
}

bool Queue::check_setup() {
  const u32 size = setup_.size;
  if (!std::has_single_bit(size) || size > max_size_) return broken(QueueFault::bad_size);
  if (!is_aligned(setup_.descriptors, spec::descriptor_alignment) ||
      !is_aligned(setup_.avail, spec::avail_alignment) ||
      !is_aligned(setup_.used, spec::used_alignment))
    return broken(QueueFault::misaligned);
  if (!memory_->contains(GuestAddress(setup_.descriptors), u64{size} * sizeof(spec::Descriptor)) ||
      !memory_->contains(GuestAddress(setup_.avail), spec::avail_bytes(size)) ||
      !memory_->contains(GuestAddress(setup_.used), spec::used_bytes(size)))
    return broken(QueueFault::outside_ram);
  return true;
}

bool Queue::enable(bool indirect, bool event_idx) {
  disable();
  if (!check_setup()) return false;
  indirect_ = indirect;
  event_idx_ = event_idx;
  ready_ = true;
  return true;
}

void Queue::disable() {
  const QueueSetup setup = setup_;
  *this = Queue(*memory_, max_size_);
  setup_ = setup;
}

void Queue::reset() { *this = Queue(*memory_, max_size_); }

// Only for the rings, which enable() has found inside RAM; RAM never goes away.
u16 Queue::load(u64 address) const {
  u16 raw = 0;
  static_cast<void>(memory_->load_acquire(GuestAddress(address), raw));
  return from_le(raw);
}

void Queue::publish_avail_event() {
  const u64 address = setup_.used + 4 + 8 * u64{setup_.size};
  static_cast<void>(memory_->store_release(GuestAddress(address), to_le(next_avail_)));
  avail_event_ = next_avail_;
  full_barrier();
}

bool Queue::available() {
  if (seen_avail_ != next_avail_) return true;
  seen_avail_ = load(setup_.avail + 2);
  if (seen_avail_ == next_avail_ && event_idx_ && avail_event_ != next_avail_) {
    publish_avail_event();
    seen_avail_ = load(setup_.avail + 2);
  }
  if (static_cast<u16>(seen_avail_ - next_avail_) > setup_.size)
    return broken(QueueFault::avail_jump);
  return seen_avail_ != next_avail_;
}

bool Queue::pop(Chain& chain) {
  if (!ready_ || fault_ != QueueFault::none || !available()) return false;
  if (in_flight_ >= setup_.size) return broken(QueueFault::too_many_in_flight);
  const u16 head = load(setup_.avail + 4 + 2 * u64{slot(next_avail_)});
  chain.clear(head);
  if (!walk_chain(head, chain)) return false;
  ++next_avail_;
  ++in_flight_;
  return true;
}

bool Queue::add_buffer(GuestAddress address, u32 length, bool writable, Chain& chain) {
  if (length == 0) return true;  // allowed, and holds nothing
  const memory::GuestSlice slice = memory_->slice(address, length);
  if (slice.size() != length) return broken(QueueFault::buffer_outside_ram);
  if (!chain.add(slice, writable)) return broken(QueueFault::readable_after_writable);
  if (chain.readable_bytes() + chain.writable_bytes() > 4_GiB)
    return broken(QueueFault::chain_too_big);
  return true;
}

bool Queue::walk_chain(u16 head, Chain& chain) {
  u16 index = head;
  for (u32 count = 0; count < setup_.size; ++count) {
    if (index >= setup_.size) return broken(QueueFault::bad_index);
    spec::Descriptor d;
    const GuestAddress at(setup_.descriptors + u64{index} * sizeof d);
    if (!memory_->read(at, d)) return broken(QueueFault::outside_ram);
    const u16 flags = d.flags;
    if (flags & spec::desc_indirect) {
      if (!indirect_) return broken(QueueFault::indirect_not_negotiated);
      if (flags & spec::desc_next) return broken(QueueFault::indirect_with_next);
      return walk_indirect(GuestAddress(d.address), d.length, chain);
    }
    if (!add_buffer(GuestAddress(d.address), d.length, (flags & spec::desc_write) != 0, chain))
      return false;
    if (!(flags & spec::desc_next)) return true;
    index = d.next;
  }
  return broken(QueueFault::chain_too_long);
}

bool Queue::walk_indirect(GuestAddress table, u32 length, Chain& chain) {
  const u32 entries = length / static_cast<u32>(sizeof(spec::Descriptor));
  if (entries == 0 || length % sizeof(spec::Descriptor) != 0)
    return broken(QueueFault::indirect_bad_length);
  if (!memory_->contains(table, length)) return broken(QueueFault::indirect_outside_ram);
  const u32 limit = std::min<u32>(entries, max_indirect_chain);
  u32 index = 0;
  for (u32 count = 0; count < limit; ++count) {
    if (index >= entries) return broken(QueueFault::bad_index);
    spec::Descriptor d;
    if (!memory_->read(table + u64{index} * sizeof d, d))
      return broken(QueueFault::indirect_outside_ram);
    const u16 flags = d.flags;
    if (flags & spec::desc_indirect) return broken(QueueFault::indirect_nested);
    if (!add_buffer(GuestAddress(d.address), d.length, (flags & spec::desc_write) != 0, chain))
      return false;
    if (!(flags & spec::desc_next)) return true;
    index = d.next;
  }
  return broken(QueueFault::chain_too_long);
}

void Queue::push(u16 head, u64 written) {
  // A chain of exactly 4 GiB has no representable length; the driver learns one byte less.
  const u32 length = static_cast<u32>(std::min<u64>(written, 0xffff'ffff));
  const spec::UsedElement element{u32{head}, length};
  const u64 at = setup_.used + 4 + sizeof element * u64{slot(next_used_)};
  static_cast<void>(memory_->write(GuestAddress(at), element));
  ++next_used_;
  static_cast<void>(memory_->store_release(GuestAddress(setup_.used + 2), to_le(next_used_)));
  --in_flight_;
}

bool Queue::take_interrupt() {
  if (!ready_ || settled_used_ == next_used_) return false;
  const u16 before = settled_used_;
  settled_used_ = next_used_;
  full_barrier();
  if (!event_idx_) return (load(setup_.avail) & spec::avail_no_interrupt) == 0;
  const u16 event = load(setup_.avail + 4 + 2 * u64{setup_.size});
  return static_cast<u16>(next_used_ - event - 1) < static_cast<u16>(next_used_ - before);
}

void Queue::save(StateWriter& out) const {
  out.put32(setup_.size);
  out.put64(setup_.descriptors);
  out.put64(setup_.avail);
  out.put64(setup_.used);
  out.put_bool(ready_);
  out.put8(static_cast<u8>(fault_));
  out.put16(next_avail_);
  out.put16(avail_event_);
  out.put16(next_used_);
  out.put16(settled_used_);
}

Result<void> Queue::restore(StateReader& in, bool indirect, bool event_idx) {
  reset();
  setup_.size = in.get32();
  setup_.descriptors = in.get64();
  setup_.avail = in.get64();
  setup_.used = in.get64();
  const bool ready = in.get_bool();
  const u8 fault = in.get8();
  const u16 next_avail = in.get16();
  const u16 avail_event = in.get16();
  const u16 next_used = in.get16();
  const u16 settled_used = in.get16();
  if (in.bad() || fault > static_cast<u8>(QueueFault::malformed_request))
    return fail(Error::Kind::image, "the saved state of a virtqueue is damaged");
  if (ready && !enable(indirect, event_idx))
    return fail(Error::Kind::image, "the saved state of a virtqueue does not fit this machine");
  next_avail_ = seen_avail_ = next_avail;
  avail_event_ = avail_event;
  next_used_ = next_used;
  settled_used_ = settled_used;
  fault_ = static_cast<QueueFault>(fault);
  return {};
}

}  // namespace pv::virtio
