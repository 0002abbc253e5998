#include "bus/bus.h"

#include <algorithm>

#include "base/text.h"

namespace pv::bus {

struct Entry {
  Range range;
  MmioDevice* device;
  u64 first_offset;
  std::string name;
  std::vector<Doorbell> doorbells;  // with whole addresses
};

// Entries sorted by base; they never overlap.
struct Snapshot {
  std::vector<Entry> entries;

  const Entry* find(u64 address, u64 width) const {
    auto after = std::upper_bound(entries.begin(), entries.end(), address,
                                  [](u64 a, const Entry& e) { return a < e.range.base; });
    if (after == entries.begin()) return nullptr;
    const Entry& e = *(after - 1);
    u64 offset = address - e.range.base;
    if (offset >= e.range.size || width > e.range.size - offset) return nullptr;
    return &e;
  }
};

// A reader's stay. Sequentially consistent, so that whoever sees the counts at zero after having
// published a snapshot knows that later readers find the new one.
class Bus::Reading {
 public:
  explicit Reading(const Bus& bus)
      : readers_(bus.readers_[bus.phase_.load(std::memory_order_relaxed) & 1]) {
    readers_.fetch_add(1, std::memory_order_seq_cst);
  }
  ~Reading() { readers_.fetch_sub(1, std::memory_order_release); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  std::atomic<u32>& readers_;
};

Bus::Bus() : owned_(std::make_unique<const Snapshot>()) {
  current_.store(owned_.get(), std::memory_order_release);
}

Bus::~Bus() = default;

bool Bus::read(u64 address, Width width, u64& value, u32 cpu) const {
  value = all_ones(width);
  Reading reading(*this);
  const Entry* e = current_.load(std::memory_order_seq_cst)->find(address, bytes(width));
  if (e == nullptr) return false;
  std::lock_guard lock(e->device->mutex());
  value &= e->device->read({address - e->range.base + e->first_offset, width, cpu});
  return true;
}

bool Bus::write(u64 address, Width width, u64 value, u32 cpu) const {
  Reading reading(*this);
  const Entry* e = current_.load(std::memory_order_seq_cst)->find(address, bytes(width));
  if (e == nullptr) return false;
  std::lock_guard lock(e->device->mutex());
  e->device->write({address - e->range.base + e->first_offset, width, cpu},
                   value & all_ones(width));
  return true;
}

Bus::Transaction::Transaction(Bus& bus)
    : bus_(bus), lock_(bus.change_), next_(std::make_unique<Snapshot>(*bus.owned_)) {}

Bus::Transaction::~Transaction() = default;

Result<void> Bus::Transaction::attach(Range range, MmioDevice& device, std::string_view name,
                                      u64 first_offset, std::span<const Doorbell> doorbells) {
  if (range.size == 0 || range.base + (range.size - 1) < range.base)
    return fail(Error::Kind::usage,
                text("{} has an impossible range {:#x}+{:#x}", name, range.base, range.size));
  auto& entries = next_->entries;
  auto at = std::upper_bound(entries.begin(), entries.end(), range.base,
                             [](u64 a, const Entry& e) { return a < e.range.base; });
  const Entry* clash = nullptr;
  if (at != entries.begin() && range.base - (at - 1)->range.base < (at - 1)->range.size)
    clash = &*(at - 1);
  if (at != entries.end() && at->range.base - range.base < range.size) clash = &*at;
  if (clash != nullptr)
    return fail(Error::Kind::usage, text("{} at {:#x} overlaps {} at {:#x}", name, range.base,
                                         clash->name, clash->range.base));
  Entry entry{range, &device, first_offset, std::string(name), {}};
  for (Doorbell doorbell : doorbells) {
    doorbell.address += range.base;
    entry.doorbells.push_back(doorbell);
    coming_.push_back(doorbell);
  }
  entries.insert(at, std::move(entry));
  return {};
}

bool Bus::Transaction::detach(u64 base) {
  auto& entries = next_->entries;
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const Entry& e) { return e.range.base == base; });
  if (found == entries.end()) return false;
  for (const Doorbell& doorbell : found->doorbells) {
    const auto fresh = std::find(coming_.begin(), coming_.end(), doorbell);
    if (fresh != coming_.end())
      coming_.erase(fresh);
    else
      leaving_.push_back(doorbell);
  }
  entries.erase(found);
  return true;
}

void Bus::Transaction::commit() {
  if (bus_.port_ != nullptr)
    for (const Doorbell& doorbell : leaving_) bus_.port_->detach(doorbell);
  bus_.current_.store(next_.get(), std::memory_order_seq_cst);
  if (bus_.port_ != nullptr)
    for (const Doorbell& doorbell : coming_) bus_.port_->attach(doorbell);
  std::unique_ptr<const Snapshot> old = std::move(bus_.owned_);
  bus_.owned_ = std::move(next_);
  bus_.retire(std::move(old));
  lock_.unlock();
}

void Bus::retire(std::unique_ptr<const Snapshot> old) {
  retired_.push_back(std::move(old));
  const u32 phase = phase_.load(std::memory_order_relaxed);
  if (readers_[(phase + 1) & 1].load(std::memory_order_seq_cst) != 0) return;
  retired_before_ = std::move(retired_);
  retired_.clear();
  phase_.store(phase + 1, std::memory_order_relaxed);
}

Result<void> Bus::attach(Range range, MmioDevice& device, std::string_view name) {
  Transaction change(*this);
  TRY(change.attach(range, device, name));
  change.commit();
  return {};
}

usize Bus::kept() const {
  std::lock_guard lock(change_);
  return 1 + retired_.size() + retired_before_.size();
}

}  // namespace pv::bus
