// FakeVm and FakeVcpu: the hypervisor for unit tests of every layer. What is asked of them is
// recorded; a FakeVcpu plays the exits that a guest would cause, and as KVM does, keeps those that
// an ioevent or a coalesced range takes from the monitor. kvm/contract_test.cpp holds both to the
// same promises.
//
//   FakeVm vm;
//   auto vcpu = vm.vcpu(0, {MmioWrite{...}, MmioRead{...}});   // then the guest spins until kicked
#pragma once

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "hv/vm.h"

namespace pv::hv {

class FakeVm;

class FakeVcpu final : public Vcpu {
 public:
  // What the guest does next; it knows the value of its last MMIO read.
  using Step = std::function<Exit(u64 last_read)>;

  explicit FakeVcpu(unsigned index, std::vector<Exit> exits = {}, FakeVm* vm = nullptr)
      : index_(index), vm_(vm) {
    for (Exit& exit : exits) then(std::move(exit));
  }
  void then(Exit exit) {
    steps_.push_back([exit = std::move(exit)](u64) { return exit; });
  }
  void then_step(Step step) { steps_.push_back(std::move(step)); }
  // What finish_pending() finds that the last instruction still needs.
  void then_unfinished(Exit exit) { unfinished_.push_back(std::move(exit)); }
  // run() fails with this when the exits have been played.
  void then_fail(Error error) { failure_ = std::move(error); }

  unsigned index() const override { return index_; }
  bool single_stepping() const override { return debug.single_step; }
  Result<Exit> run() override;
  Result<std::optional<Exit>> finish_pending() override {
    ++finished;
    if (unfinished_.empty()) return std::nullopt;
    Exit exit = unfinished_.front();
    unfinished_.pop_front();
    return exit;
  }
  void complete_read(u64 value) override { reads.push_back(value); }
  void complete_call(i64 error, u64 value) override { calls.emplace_back(error, value); }
  void bind_thread() override { ++bound; }
  void kick() override {
    std::lock_guard lock(mutex_);
    kick_ = true;
    kicked_.notify_all();
    ++kicks;
    kicks.notify_all();
  }
  void clear_kick() override {
    std::lock_guard lock(mutex_);
    kick_ = false;
  }
  void set_external_interrupt(bool level) override {
    external_interrupt = level;
    ++external_interrupt_changes;
  }
  void watch_private_interrupts(PrivateSink sink) override { private_sink = std::move(sink); }
  Result<RegisterFile> read_registers(RegisterGroups) override { return registers; }
  Result<RegisterValue> read_register(usize index) override {
    if (index >= registers.values.size() || registers.known[index] == 0)
      return fail(Error::Kind::host, "fake: no such register");
    return registers.values[index];
  }
  Result<void> write_register(usize index, RegisterValue value) override {
    if (index >= registers.values.size()) return fail(Error::Kind::host, "fake: no such register");
    registers.set(index, value);
    return {};
  }
  Result<void> set_debug(const DebugControl& control) override {
    debug = control;
    return {};
  }
  DebugLimits debug_limits() override { return limits; }
  Result<bool> deliver_breakpoint(const DebugControl&) override {
    ++delivered_breakpoints;
    return true;
  }

  PrivateSink private_sink;
  // The guest's state, and what this host's debugging can do.
  RegisterFile registers{host_arch, register_table(host_arch)};
  DebugControl debug;
  DebugLimits limits;
  std::atomic<int> delivered_breakpoints{0};

  // What happened. The vectors belong to the thread that runs the vCPU.
  std::vector<u64> reads;                  // answers to MmioRead
  std::vector<std::pair<i64, u64>> calls;  // answers to Hypercall
  std::atomic<int> entered{0}, finished{0}, bound{0}, kicks{0};
  std::atomic<bool> external_interrupt{false};
  std::atomic<int> external_interrupt_changes{0};

 private:
  unsigned index_;
  FakeVm* vm_;
  std::deque<Step> steps_;
  std::deque<Exit> unfinished_;
  std::optional<Error> failure_;
  std::mutex mutex_;
  std::condition_variable kicked_;
  bool kick_ = false;
};

class FakeVm final : public Vm {
 public:
  struct Mapping {
    memory::HostRegion region;
    bool read_only;
  };
  struct IoEvent {
    Space space;
    bus::Doorbell doorbell;
    bool operator==(const IoEvent&) const = default;
  };

  // What this host can.
  bool has_irqchip = true;
  bool has_ioevents = true;
  bool has_msis = true;
  bool can_coalesce = true;

  std::unique_ptr<FakeVcpu> vcpu(unsigned index, std::vector<Exit> exits = {}) {
    return std::make_unique<FakeVcpu>(index, std::move(exits), this);
  }

  Result<void> map_ram(const memory::HostRegion& region, bool read_only) override {
    for (const Mapping& there : ram)
      if (there.region.guest.overlaps(region.guest))
        return fail(Error::Kind::host, "fake: guest memory overlaps");
    ram.push_back({region, read_only});
    return {};
  }
  Result<std::unique_ptr<Vcpu>> create_vcpu(unsigned index) override { return vcpu(index); }
  Result<std::unique_ptr<IrqLine>> irq_line(u32 gsi) override {
    if (!has_irqchip) return fail(Error::Kind::host, "fake: no interrupt controller");
    return std::make_unique<Line>(lines[gsi]);
  }
  Result<void> attach_doorbell(Space space, const bus::Doorbell& doorbell) override {
    if (!has_ioevents) return fail(Error::Kind::host, "fake: no ioevents");
    ioevents.push_back({space, doorbell});
    return {};
  }
  void detach_doorbell(Space space, const bus::Doorbell& doorbell) override {
    std::erase(ioevents, IoEvent{space, doorbell});
  }
  Result<std::unique_ptr<MsiTarget>> msi_target() override {
    if (!has_msis) return fail(Error::Kind::host, "fake: no messages");
    return std::make_unique<Messages>(msis);
  }
  Result<void> coalesce_writes(Space space, bus::Range range) override {
    if (!can_coalesce) return fail(Error::Kind::host, "fake: cannot coalesce");
    coalesced.emplace_back(space, range);
    return {};
  }
  void drain_posted(const std::function<void(const PostedWrite&)>& sink) override {
    std::lock_guard serial(drain_);
    for (;;) {
      PostedWrite write;
      {
        std::lock_guard lock(mutex_);
        if (posted_.empty()) return;
        write = posted_.front();
        posted_.pop_front();
      }
      sink(write);
    }
  }

  // A write that the guest did and the kernel has collected.
  void post(PostedWrite write) {
    std::lock_guard lock(mutex_);
    posted_.push_back(write);
  }
  // Whether the kernel takes this write, so that the monitor sees no exit.
  bool takes(const PostedWrite& write);

  std::vector<Mapping> ram;
  std::map<u32, FakeIrqLine> lines;  // by gsi; made by irq_line()
  std::vector<IoEvent> ioevents;
  std::vector<Msi> msis;  // what was signalled
  std::vector<std::pair<Space, bus::Range>> coalesced;

 private:
  // What a machine owns; the level stays with the VM.
  class Line final : public IrqLine {
   public:
    explicit Line(FakeIrqLine& line) : line_(line) {}
    void set(bool level) override { line_.set(level); }

   private:
    FakeIrqLine& line_;
  };
  class Messages final : public MsiTarget {
   public:
    explicit Messages(std::vector<Msi>& into) : into_(into) {}
    void signal(const Msi& msi) override { into_.push_back(msi); }

   private:
    std::vector<Msi>& into_;
  };

  std::mutex drain_;
  std::mutex mutex_;
  std::deque<PostedWrite> posted_;
};

// Blocks until one of the fake's counters has reached `count`.
inline void await(const std::atomic<int>& counter, int count) {
  for (int now; (now = counter) < count;) counter.wait(now);
}

inline bool FakeVm::takes(const PostedWrite& write) {
  for (const auto& [space, bell] : ioevents) {
    if (space != write.space || bell.address != write.address) continue;
    if (bell.width != 0 && bell.width != bus::bytes(write.width)) continue;
    if (bell.match && *bell.match != write.value) continue;
    u64 one = 1;
    return ::write(bell.event, &one, sizeof one) == sizeof one;
  }
  for (const auto& [space, range] : coalesced) {
    if (space != write.space || write.address < range.base) continue;
    if (write.address + bus::bytes(write.width) > range.base + range.size) continue;
    post(write);
    return true;
  }
  return false;
}

// As KVM: a kick counts before the guest is entered; what the kernel takes does not come back.
inline Result<Exit> FakeVcpu::run() {
  ++entered;
  entered.notify_all();
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (steps_.empty() && failure_ && !kick_) return std::unexpected(*failure_);
      if (steps_.empty()) kicked_.wait(lock, [this] { return kick_; });
      if (kick_) return Interrupted{};
    }
    Step step = std::move(steps_.front());
    steps_.pop_front();
    Exit exit = step(reads.empty() ? 0 : reads.back());
    if (vm_ == nullptr) return exit;
    if (const auto* write = std::get_if<MmioWrite>(&exit)) {
      if (vm_->takes({Space::mmio, write->address.value(), write->width, write->value})) continue;
    }
    if (const auto* io = std::get_if<Pio>(&exit); io != nullptr && io->is_write) {
      u64 value = 0;
      for (usize i = 0; i < io->data.size() && i < 8; ++i) value |= u64{io->data[i]} << (8 * i);
      if (io->data.size() == bus::bytes(io->width) &&
          vm_->takes({Space::pio, io->port, io->width, value}))
        continue;
    }
    return exit;
  }
}

}  // namespace pv::hv
