#include "block/uring_engine.h"

#include <cerrno>

#include "block/file_io.h"

namespace pv::block {
namespace {
constexpr u32 ring_entries = 128;
// The kernel's completion ring holds twice the entries; what overflows it needs a call to be seen.
constexpr usize most_in_flight = 2 * ring_entries;
}  // namespace

Result<std::unique_ptr<UringEngine>> UringEngine::create(const RawImage& image,
                                                         loop::EventLoop& loop) {
  constexpr u8 operations[] = {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC};
  Uring ring = TRY(Uring::create(ring_entries, operations));
  std::unique_ptr<UringEngine> engine(new UringEngine(image, loop, std::move(ring)));
  TRY(loop.watch(engine->ring_.fd(), [raw = engine.get()] { raw->ready_(); }));
  return engine;
}

UringEngine::~UringEngine() {
  drain();
  loop_.unwatch(ring_.fd());
}

void UringEngine::on_ready(std::function<void()> ready) {
  ready_ = std::move(ready);
  helper_.on_ready([this] { ready_(); });
}

bool UringEngine::suits(const Operation& operation) const {
  using Kind = Operation::Kind;
  if (operation.kind == Kind::flush) return true;
  return (operation.kind == Kind::read || operation.kind == Kind::write) && !operation.durable &&
         buffers_fit(image_, operation);
}

void UringEngine::fill(io_uring_sqe& entry, const Operation& operation, u32 slot) const {
  entry.fd = image_.fd();
  entry.user_data = slot;
  if (operation.kind == Operation::Kind::flush) {
    entry.opcode = IORING_OP_FSYNC;
    entry.fsync_flags = IORING_FSYNC_DATASYNC;
    return;
  }
  const bool is_write = operation.kind == Operation::Kind::write;
  entry.opcode = is_write ? IORING_OP_WRITEV : IORING_OP_READV;
  entry.addr = reinterpret_cast<uintptr_t>(operation.buffers.data());
  entry.len = static_cast<u32>(operation.buffers.size());
  entry.off = operation.offset;
}

void UringEngine::submit(const Operation& operation) {
  io_uring_sqe* entry = nullptr;
  if (suits(operation) && in_flight_ < most_in_flight) {
    entry = ring_.prepare();
    if (entry == nullptr && ring_.commit() == 0) entry = ring_.prepare();
  }
  if (entry == nullptr) return helper_.submit(operation);
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<u32>(slots_.size()));
    slots_.emplace_back();
  }
  const u32 slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = operation;
  fill(*entry, operation, slot);
  ++in_flight_;
}

void UringEngine::commit() {
  if (ring_.commit() != 0) {
    // The kernel is short of memory or of room for completions: what it did not take goes
    // elsewhere.
    for (u64 slot = 0; ring_.take_back(slot);) release(static_cast<usize>(slot), -EAGAIN);
  }
  helper_.commit();
}

void UringEngine::release(usize slot, i32 result) {
  const Operation operation = slots_[slot];
  free_slots_.push_back(static_cast<u32>(slot));
  --in_flight_;
  const bool is_flush = operation.kind == Operation::Kind::flush;
  const bool whole =
      is_flush ? result == 0 : result >= 0 && static_cast<u64>(result) == operation.length;
  // The helper does the whole operation again, and knows what a short count means.
  const bool again = !whole && (result >= 0 || result == -EINTR || result == -EAGAIN);
  if (again) return helper_.submit(operation);
  done_.push_back({operation.token, whole ? 0 : -result});
}

void UringEngine::reap() {
  u64 slot = 0;
  i32 result = 0;
  while (ring_.next(slot, result)) release(static_cast<usize>(slot), result);
  helper_.commit();
}

void UringEngine::take(std::vector<Completion>& into) {
  reap();
  into.insert(into.end(), done_.begin(), done_.end());
  done_.clear();
  helper_.take(into);
}

void UringEngine::drain() {
  commit();
  while (in_flight_ != 0) {
    ring_.wait();
    reap();
  }
  helper_.drain();
}

}  // namespace pv::block
