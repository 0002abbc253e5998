#include "bus/bus.h"

#include <algorithm>

#include "base/text.h"

namespace pv::bus {

struct Entry {
  Range range;
  MmioDevice* device;
  std::string name;
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

Bus::Bus() {
  owned_.push_back(std::make_unique<const Snapshot>());
  current_.store(owned_.back().get(), std::memory_order_release);
}

Bus::~Bus() = default;

bool Bus::read(u64 address, Width width, u64& value) const {
  value = all_ones(width);
  const Entry* e = current_.load(std::memory_order_acquire)->find(address, bytes(width));
  if (e == nullptr) return false;
  std::lock_guard lock(e->device->mutex());
  value &= e->device->read({address - e->range.base, width});
  return true;
}

bool Bus::write(u64 address, Width width, u64 value) const {
  const Entry* e = current_.load(std::memory_order_acquire)->find(address, bytes(width));
  if (e == nullptr) return false;
  std::lock_guard lock(e->device->mutex());
  e->device->write({address - e->range.base, width}, value & all_ones(width));
  return true;
}

Bus::Transaction::Transaction(Bus& bus)
    : bus_(bus),
      lock_(bus.change_),
      next_(std::make_unique<Snapshot>(*bus.current_.load(std::memory_order_acquire))) {}

Bus::Transaction::~Transaction() = default;

Result<void> Bus::Transaction::attach(Range range, MmioDevice& device, std::string_view name) {
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
  entries.insert(at, Entry{range, &device, std::string(name)});
  return {};
}

bool Bus::Transaction::detach(u64 base) {
  return std::erase_if(next_->entries, [&](const Entry& e) { return e.range.base == base; }) != 0;
}

void Bus::Transaction::commit() {
  const Snapshot* published = next_.get();
  bus_.owned_.push_back(std::move(next_));
  bus_.current_.store(published, std::memory_order_release);
  lock_.unlock();
}

Result<void> Bus::attach(Range range, MmioDevice& device, std::string_view name) {
  Transaction change(*this);
  TRY(change.attach(range, device, name));
  change.commit();
  return {};
}

void Bus::reclaim() {
  std::lock_guard lock(change_);
  owned_.erase(owned_.begin(), owned_.end() - 1);
}

}  // namespace pv::bus
