// TracedVcpu: a vCPU that is watched: it hands everything through to the one that runs the guest
// and puts a record of each exit into a ring. Where nothing is traced there is none of these, so a
// run without a trace pays nothing.
//
// A record is complete when its exit has been answered: the value of a read is known only then.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "device/ports.h"
#include "hv/vcpu.h"
#include "machine/places.h"
#include "trace/ring.h"

namespace pv::vmm {

class TracedVcpu final : public hv::Vcpu {
 public:
  struct Options {
    bool pc = false;     // with the program counter: a system call for each exit
    bool steps = false;  // after each instruction a record with the registers it changed
    u64 limit = 0;       // records; 0: no limit. Behind it the guest runs unwatched
  };
  struct Shared {
    device::Clock& clock;
    u64 start_ns;                // of the clock, where the trace's time begins
    machine::Places places;      // of the VM's board
    std::function<void()> wake;  // the consumer: there is something in a ring
    // The run has ended: what a guest does until it is stopped is chance.
    std::atomic<bool> ended{false};
  };

  // `shared` outlives this.
  TracedVcpu(std::unique_ptr<hv::Vcpu> inner, usize ring_size, const Options& options,
             const Shared& shared);

  // With `steps`: single-step from the first instruction on. Before the first run(). Errors: the
  // host cannot.
  Result<void> prepare();

  trace::Ring& ring() { return ring_; }
  // When the guest was first entered, in the trace's time; nothing until then. Any thread.
  std::optional<u64> first_entry_ns() const {
    if (!entered_.load(std::memory_order_acquire)) return std::nullopt;
    return first_entry_ns_;
  }
  // After the last run(): the record that waits for its value.
  void commit();

  unsigned index() const override { return inner_->index(); }
  // The trace's own steps are nobody else's.
  bool single_stepping() const override { return !options_.steps && inner_->single_stepping(); }
  Result<hv::Exit> run() override;
  Result<std::optional<hv::Exit>> finish_pending() override;
  void complete_read(u64 value) override;
  void complete_call(i64 error, u64 value) override { inner_->complete_call(error, value); }
  void bind_thread() override { inner_->bind_thread(); }
  void kick() override { inner_->kick(); }
  void clear_kick() override { inner_->clear_kick(); }
  void set_external_interrupt(bool level) override { inner_->set_external_interrupt(level); }
  void watch_private_interrupts(PrivateSink sink) override {
    inner_->watch_private_interrupts(std::move(sink));
  }
  Result<hv::RegisterFile> read_registers(hv::RegisterGroups groups) override {
    return inner_->read_registers(groups);
  }
  Result<void> write_register(usize index, hv::RegisterValue value) override {
    return inner_->write_register(index, value);
  }
  Result<hv::RegisterValue> read_register(usize index) override {
    return inner_->read_register(index);
  }
  Result<void> set_debug(const hv::DebugControl& control) override;
  hv::DebugLimits debug_limits() override { return inner_->debug_limits(); }
  Result<bool> deliver_breakpoint(const hv::DebugControl& control) override {
    return inner_->deliver_breakpoint(control);
  }

 private:
  u64 now() const { return shared_.clock.monotonic_ns() - shared_.start_ns; }
  void enter();
  void begin(const hv::Exit& exit);
  void step();
  bool is_step(const hv::Exit& exit) const;
  bool is_mark(const trace::Record& record) const;
  void put(const trace::Record& record, std::span<const trace::StepRegister> behind = {});
  void stop_stepping();

  std::unique_ptr<hv::Vcpu> inner_;
  usize pc_index_;  // in the register table
  Options options_;
  const Shared& shared_;
  trace::Ring ring_;
  std::optional<trace::Record> pending_;
  std::span<u8> port_data_;  // of a pending port read
  u64 records_ = 0;
  std::vector<hv::RegisterValue> registers_;  // as the last step left them
  std::vector<u8> known_;
  u64 first_entry_ns_ = 0;
  std::atomic<bool> entered_{false};
};

}  // namespace pv::vmm
