// For tests and fuzzers: the driver's side of a virtio-mmio device over real guest memory, and
// raw access to rings and descriptors for breaking them. ManualExecutor runs posted tasks when
// told.
//
//   FakeMachine machine(device);
//   FakeDriver& driver = machine.driver;
//   ASSERT_TRUE(driver.start());
//   u16 head = driver.add(0, {driver.out("text"), driver.in(16)});
//   driver.kick(0);
//   auto used = driver.used(0);
#pragma once

#include <functional>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "bus/bus.h"
#include "hv/irq_line.h"
#include "loop/executor.h"
#include "memory/guest_memory.h"
#include "virtio/mmio_transport.h"
#include "virtio/spec.h"

namespace pv::virtio {

class ManualExecutor final : public loop::Executor {
 public:
  void post(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
  // Runs what was posted, and what that posts, `limit` tasks at most; returns how many ran.
  unsigned run(unsigned limit = 1000) {
    unsigned ran = 0;
    while (!tasks_.empty() && ran < limit) {
      std::function<void()> task = std::move(tasks_.front());
      tasks_.erase(tasks_.begin());
      task();
      ++ran;
    }
    return ran;
  }
  usize pending() const { return tasks_.size(); }

 private:
  std::vector<std::function<void()>> tasks_;
};

class FakeDriver {
 public:
  struct Piece {
    u64 address;
    u32 length;
    bool writable;
  };
  struct Ring {
    u16 size = 0;
    u64 descriptors = 0;
    u64 avail = 0;
    u64 used = 0;
    u16 next_descriptor = 0;
    u16 avail_index = 0;
    u16 used_index = 0;
  };

  // Rings and buffers are laid out from `arena` up.
  FakeDriver(memory::GuestMemory& ram, bus::Bus& bus, u64 base, u64 arena)
      : ram_(ram), bus_(bus), base_(base), arena_(arena), next_(arena) {}

  // Registers and configuration space.
  u32 get(u32 reg) const {
    u64 value = 0;
    bus_.read(base_ + reg, bus::Width::word, value);
    return static_cast<u32>(value);
  }
  void set(u32 reg, u32 value) { bus_.write(base_ + reg, bus::Width::word, value); }
  template <class T>
  T config(u32 offset) const {
    u64 value = 0;
    bus_.read(base_ + spec::mmio::Config + offset, static_cast<bus::Width>(sizeof(T)), value);
    return static_cast<T>(value);
  }

  u64 offered() {
    set(spec::mmio::DeviceFeaturesSel, 0);
    const u64 low = get(spec::mmio::DeviceFeatures);
    set(spec::mmio::DeviceFeaturesSel, 1);
    return low | u64{get(spec::mmio::DeviceFeatures)} << 32;
  }
  // Up to FEATURES_OK; whether the device agrees.
  bool negotiate(u64 features) {
    features_ = features;
    set(spec::mmio::Status, 0);
    set(spec::mmio::Status, spec::status_acknowledge);
    set(spec::mmio::Status, spec::status_acknowledge | spec::status_driver);
    set(spec::mmio::DriverFeaturesSel, 0);
    set(spec::mmio::DriverFeatures, static_cast<u32>(features));
    set(spec::mmio::DriverFeaturesSel, 1);
    set(spec::mmio::DriverFeatures, static_cast<u32>(features >> 32));
    set(spec::mmio::Status, get(spec::mmio::Status) | spec::status_features_ok);
    return (get(spec::mmio::Status) & spec::status_features_ok) != 0;
  }
  // Lays a queue out in memory and tells the device; whether it is ready.
  bool setup_queue(u16 index, u16 size) {
    if (rings.size() <= index) rings.resize(index + 1u);
    Ring& ring = rings[index] = Ring{};
    ring.size = size;
    ring.descriptors = allocate(16u * size, 16);
    ring.avail = allocate(spec::avail_bytes(size), 2);
    ring.used = allocate(spec::used_bytes(size), 4);
    CHECK(ram_.fill(memory::GuestAddress(ring.descriptors), next_ - ring.descriptors, 0));
    announce(index);
    return enable(index);
  }
  void announce(u16 index) {
    const Ring& ring = rings[index];
    set(spec::mmio::QueueSel, index);
    set(spec::mmio::QueueSize, ring.size);
    set(spec::mmio::QueueDescLow, static_cast<u32>(ring.descriptors));
    set(spec::mmio::QueueDescHigh, static_cast<u32>(ring.descriptors >> 32));
    set(spec::mmio::QueueDriverLow, static_cast<u32>(ring.avail));
    set(spec::mmio::QueueDriverHigh, static_cast<u32>(ring.avail >> 32));
    set(spec::mmio::QueueDeviceLow, static_cast<u32>(ring.used));
    set(spec::mmio::QueueDeviceHigh, static_cast<u32>(ring.used >> 32));
  }
  bool enable(u16 index) {
    set(spec::mmio::QueueSel, index);
    set(spec::mmio::QueueReady, 1);
    return get(spec::mmio::QueueReady) == 1;
  }
  void driver_ok() { set(spec::mmio::Status, get(spec::mmio::Status) | spec::status_driver_ok); }
  // Everything: all queues at their largest size (at most `limit`), and DRIVER_OK.
  bool start(u64 features, u16 limit = 64) {
    next_ = arena_;
    if (!negotiate(features)) return false;
    for (u16 index = 0;; ++index) {
      set(spec::mmio::QueueSel, index);
      const u32 most = get(spec::mmio::QueueSizeMax);
      if (most == 0) break;
      if (!setup_queue(index, static_cast<u16>(most < limit ? most : limit))) return false;
    }
    driver_ok();
    return true;
  }
  bool start() { return start(offered()); }
  bool needs_reset() const { return (get(spec::mmio::Status) & spec::status_needs_reset) != 0; }

  // Memory.
  // Every ring and what else was laid out; the device must not use them any more.
  void forget() {
    rings.clear();
    next_ = arena_;
  }
  u64 allocate(u64 size, u64 alignment = 16) {
    next_ = align_up(next_, alignment) + size;
    return next_ - size;
  }
  void put(u64 address, Bytes bytes) {
    if (!bytes.empty()) CHECK(ram_.write_bytes(memory::GuestAddress(address), bytes));
  }
  template <class T>
  void put_as(u64 address, const T& value) {
    put(address, Bytes(reinterpret_cast<const u8*>(&value), sizeof value));
  }
  std::vector<u8> peek(u64 address, usize size) const {
    std::vector<u8> bytes(size);
    if (size != 0) CHECK(ram_.read_bytes(memory::GuestAddress(address), bytes));
    return bytes;
  }
  template <class T>
  T peek_as(u64 address) const {
    return load_as<T>(peek(address, sizeof(T)), 0);
  }
  // Buffers for the device to read or write.
  Piece out(Bytes bytes) {
    const Piece piece{allocate(bytes.size(), 1), static_cast<u32>(bytes.size()), false};
    put(piece.address, bytes);
    return piece;
  }
  Piece out(std::string_view text) { return out(bytes_of(text)); }
  template <class T>
  Piece out_as(const T& value) {
    return out(Bytes(reinterpret_cast<const u8*>(&value), sizeof value));
  }
  Piece in(u32 length) {
    const Piece piece{allocate(length, 1), length, true};
    if (length != 0) CHECK(ram_.fill(memory::GuestAddress(piece.address), length, 0xee));
    return piece;
  }
  std::string text(const Piece& piece) const {
    const std::vector<u8> bytes = peek(piece.address, piece.length);
    return {bytes.begin(), bytes.end()};
  }

  // Rings.
  void write_descriptor(u16 queue, u16 index, u64 address, u32 length, u16 flags, u16 next) {
    put_as(rings[queue].descriptors + 16u * index, spec::Descriptor{address, length, flags, next});
  }
  static u16 flags(const Piece& piece, bool last) {
    return static_cast<u16>((piece.writable ? spec::desc_write : 0) | (last ? 0 : spec::desc_next));
  }
  // Makes a chain available; returns its head. Descriptors are used in turn and never checked for
  // being free.
  u16 add(u16 queue, const std::vector<Piece>& pieces) {
    Ring& ring = rings[queue];
    const u16 head = ring.next_descriptor;
    for (usize i = 0; i < pieces.size(); ++i) {
      const u16 index = ring.next_descriptor;
      ring.next_descriptor = static_cast<u16>((index + 1) % ring.size);
      write_descriptor(queue, index, pieces[i].address, pieces[i].length,
                       flags(pieces[i], i + 1 == pieces.size()), ring.next_descriptor);
    }
    publish(queue, head);
    return head;
  }
  // The same through an indirect table.
  u16 add_indirect(u16 queue, const std::vector<Piece>& pieces) {
    Ring& ring = rings[queue];
    const u64 table = allocate(16 * pieces.size(), 16);
    for (usize i = 0; i < pieces.size(); ++i)
      put_as(table + 16 * i,
             spec::Descriptor{pieces[i].address, pieces[i].length,
                              flags(pieces[i], i + 1 == pieces.size()), static_cast<u16>(i + 1)});
    const u16 head = ring.next_descriptor;
    ring.next_descriptor = static_cast<u16>((head + 1) % ring.size);
    write_descriptor(queue, head, table, static_cast<u32>(16 * pieces.size()), spec::desc_indirect,
                     0);
    publish(queue, head);
    return head;
  }
  void publish(u16 queue, u16 head) {
    Ring& ring = rings[queue];
    put_as(ring.avail + 4 + 2u * (ring.avail_index % ring.size), Le16(head));
    ++ring.avail_index;
    put_as(ring.avail + 2, Le16(ring.avail_index));
  }
  void kick(u16 queue) { set(spec::mmio::QueueNotify, queue); }
  // Whether the device asks to be notified of the chain added last (2.7.10).
  bool kick_wanted(u16 queue) const {
    const Ring& ring = rings[queue];
    const u16 event = peek_as<Le16>(ring.used + 4 + 8u * ring.size);
    return static_cast<u16>(ring.avail_index - 1) == event;
  }
  // The driver wants to hear when the device has used the ring's entry `index` (2.7.7).
  void set_used_event(u16 queue, u16 index) {
    put_as(rings[queue].avail + 4 + 2u * rings[queue].size, Le16(index));
  }
  u16 used_count(u16 queue) const { return peek_as<Le16>(rings[queue].used + 2); }
  // The next chain that came back.
  std::optional<spec::UsedElement> used(u16 queue) {
    Ring& ring = rings[queue];
    if (used_count(queue) == ring.used_index) return std::nullopt;
    const u64 at = ring.used + 4 + 8u * (ring.used_index % ring.size);
    ++ring.used_index;
    return peek_as<spec::UsedElement>(at);
  }
  // What an interrupt handler does: reads the causes and acknowledges them.
  u32 acknowledge() {
    const u32 causes = get(spec::mmio::InterruptStatus);
    set(spec::mmio::InterruptACK, causes);
    return causes;
  }

  std::vector<Ring> rings;

 private:
  memory::GuestMemory& ram_;
  bus::Bus& bus_;
  u64 base_;
  u64 arena_;
  u64 next_;
  u64 features_ = 0;
};

// RAM, a bus, an interrupt line and an executor around one device.
class FakeMachine {
 public:
  static constexpr u64 ram_base = 0x8000'0000;
  static constexpr u64 ram_size = 4_MiB;
  static constexpr u64 device_base = 0x0a00'0000;

  explicit FakeMachine(VirtioDevice& device)
      : transport((add_ram(), device), ram, irq, executor, log),
        driver(ram, bus, device_base, ram_base) {
    CHECK(bus.attach({device_base, VirtioMmio::size}, transport, "virtio"));
  }

  memory::GuestMemory ram;
  hv::FakeIrqLine irq;
  ManualExecutor executor;
  Log log{-1, LogLevel::error};
  bus::Bus bus;
  VirtioMmio transport;
  FakeDriver driver;

 private:
  void add_ram() {
    CHECK(ram.add({memory::GuestAddress(ram_base), ram_size}, memory::Backing::anonymous));
  }
};

}  // namespace pv::virtio
