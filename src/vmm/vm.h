// Vm: one virtual machine, assembled from a VmConfig, run, paused, stopped.
//
//   open files -> open KVM -> describe the machine -> guest RAM -> vCPUs -> devices -> load
//   (create())   -> seal the process -> run (run())
//
// The loop's thread owns the Vm; vCPU threads come in through the Dispatcher and PowerControl.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/log.h"
#include "config/vm_config.h"
#include "control/target.h"
#include "device/host_ports.h"
#include "hv/doorbells.h"
#include "jail/jail.h"
#include "kvm/host.h"
#include "loop/event_loop.h"
#include "machine/machine.h"
#include "vmm/debugger.h"
#include "vmm/dispatcher.h"
#include "vmm/files.h"
#include "vmm/gdb_listener.h"
#include "vmm/gdb_server.h"
#include "vmm/outcome.h"
#include "vmm/serial_set.h"
#include "vmm/tick.h"
#include "vmm/tracing.h"
#include "vmm/vcpu_group.h"
#include "vmm/virtio_set.h"

namespace pv::vmm {

// What the VM is wired to outside; everything outlives it.
struct Environment {
  loop::EventLoop& loop;
  Log& log;
  std::span<const SerialEnd> serials;  // what a VmConfig comes to: config::effective_serials()
  jail::Options jail;                  // what the sealed process still has to be able to do
  int kernel =
      -1;  // a file with the kernel, borrowed, instead of the one that the configuration names
  u64 launched_ns = 0;  // device::HostClock, when the run began; only a traced one needs it
  const GdbListener* gdb = nullptr;  // where to wait for gdb
};

class Vm final : public control::Target, private device::PowerControl {
 public:
  // Assembles everything; no guest instruction has run and nothing is sealed yet.
  static Result<std::unique_ptr<Vm>> create(const config::VmConfig& config, Environment env);
  ~Vm() override;

  // Seals the process (unless the configuration says not to) and runs the loop until the VM ends.
  Result<Outcome> run();

  // Input for a serial port, by its place in Environment::serials; returns how many bytes it took.
  // When that is less than all, its source's room() follows. Loop's thread.
  usize serial_input(usize serial, Bytes input);
  // Standard input, for the port that takes it.
  usize console_input(Bytes input);
  void console_resized(u16 rows, u16 columns);

  // Ends the run. Any thread; the first outcome counts.
  void finish(Outcome outcome);

  // control::Target
  Result<void> pause() override;
  Result<void> resume() override;
  Result<void> stop(control::Stopper by) override;
  control::Stats stat() override;
  control::Facts facts() override;
  Result<hv::RegisterFile> registers(u64 cpu) override;
  Result<std::vector<u8>> memory(u64 address, u64 length) override;
  memory::SearchResult search(memory::GuestRange range, Bytes pattern) override;

  // "exits: 123 (mmio-read 100, mmio-write 23); posted writes: 7; ..." for --exit-stats.
  std::string exit_report() const;

 private:
  explicit Vm(const config::VmConfig& config, Environment env);
  Result<void> assemble();
  Result<void> create_vcpus();
  Result<void> load();
  Result<void> replace_unknown_registers();
  Result<void> attach_doorbells();
  // An event that, once signalled, has the transport look at its queue.
  Result<Fd> make_doorbell(virtio::Transport& transport, u16 queue);
  Result<void> seal();
  void traced(const char* done);
  void coalesce();
  Result<void> create_debugger();
  Result<void> enter_vcpu_jail();
  void end(Outcome outcome);
  bool tick();

  // device::PowerControl
  void power_off() override { finish({Outcome::Kind::power_off, 0, {}, {}}); }
  void reset() override { finish({Outcome::Kind::reset, 0, {}, {}}); }
  void crash() override { finish({Outcome::Kind::panic, 0, {}, {}}); }
  void exit_with(u8 code) override { finish({Outcome::Kind::guest_code, code, {}, {}}); }

  const config::VmConfig& config_;
  Environment env_;
  device::HostClock clock_;
  std::unique_ptr<device::HostEntropy> entropy_;
  u64 started_ns_ = 0;

  std::optional<kvm::Host> host_;
  Files files_;
  std::unique_ptr<Tick> tick_;
  std::unique_ptr<SerialSet> serials_;
  memory::GuestMemory ram_;
  std::unique_ptr<kvm::Vm> vm_;
  std::vector<std::unique_ptr<hv::Vcpu>> vcpus_;  // until the group takes them
  std::unique_ptr<VirtioSet> virtio_;
  std::optional<hv::Doorbells> mmio_doorbells_, pio_doorbells_;  // of PCI BARs
  bus::Bus mmio_;
  bus::Bus pio_;
  std::unique_ptr<machine::Machine> machine_;
  machine::IrqChip irqchip_;
  std::unique_ptr<Undescribed> undescribed_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::vector<Fd> doorbells_;
  jail::Sealed sealed_;
  std::unique_ptr<Tracing> tracing_;  // where the run is traced
  std::unique_ptr<VcpuGroup> group_;
  hv::DebugLimits debug_limits_;
  std::unique_ptr<Debugger> debugger_;
  std::unique_ptr<GdbServer> gdb_;

  std::mutex outcome_mutex_;
  std::optional<Outcome> outcome_;
};

}  // namespace pv::vmm
