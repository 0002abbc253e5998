// Vcpu over KVM: the kvm_run page and one vCPU descriptor. Exits are translated here once; what
// only one architecture reports goes through arch.h.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>

#include "base/fd.h"
#include "hv/vcpu.h"
#include "kvm/ioctl.h"

namespace pv::kvm {

class Vcpu final : public hv::Vcpu {
 public:
  static Result<std::unique_ptr<Vcpu>> create(const Fd& vm, unsigned index, usize run_size);
  ~Vcpu() override;

  unsigned index() const override { return index_; }
  bool single_stepping() const override { return debug_.single_step; }
  Result<hv::Exit> run() override;
  Result<std::optional<hv::Exit>> finish_pending() override;
  void complete_read(u64 value) override;
  void complete_call(i64 error, u64 value) override;
  void bind_thread() override;
  void kick() override;
  void clear_kick() override;
  void set_external_interrupt(bool level) override;
  void watch_private_interrupts(PrivateSink sink) override { private_sink_ = std::move(sink); }
  Result<hv::RegisterFile> read_registers(hv::RegisterGroups groups) override;
  Result<hv::RegisterValue> read_register(usize index) override;
  Result<void> write_register(usize index, hv::RegisterValue value) override;
  Result<void> set_debug(const hv::DebugControl& control) override;
  // Asks the kernel at each call, through the VM's descriptor: before the process is sealed.
  hv::DebugLimits debug_limits() override;
  Result<bool> deliver_breakpoint(const hv::DebugControl& control) override;

  const Fd& vm() const { return vm_; }
  const Fd& fd() const { return fd_; }
  kvm_run& page() { return *run_; }
  // Zeroed, page-aligned memory that the architecture's file shares with the kernel for as long as
  // this vCPU lives. Once.
  Result<void> share(usize size);
  void* shared() const { return shared_; }
  usize shared_size() const { return shared_size_; }

  // The VM's interrupt controller, where its state is asked for beside the vCPU's; -1: nobody does.
  void set_irqchip(const Fd& fd) { irqchip_ = fd.get(); }
  int irqchip() const { return irqchip_; }

  // The calls that move one register of at most 64 bits, named for the error message.
  Result<u64> get_reg(u64 id, const char* name) const;
  Result<void> set_reg(u64 id, u64 value, const char* name);
  // Without an error: whether the host knows the register at all.
  bool try_get_reg(u64 id, u64& value) const;
  // The same for registers of up to 128 bits.
  bool try_get_wide(u64 id, hv::RegisterValue& value) const;
  Result<void> set_wide(u64 id, hv::RegisterValue value, const char* name);

 private:
  Vcpu(const Fd& vm, Fd fd, unsigned index, kvm_run* run, usize run_size)
      : vm_(vm), fd_(std::move(fd)), index_(index), run_(run), run_size_(run_size) {}
  Result<hv::Exit> decode();
  void report_private_interrupts();
  void drive_input();

  const Fd& vm_;
  Fd fd_;
  unsigned index_;
  hv::DebugControl debug_;
  kvm_run* run_;
  usize run_size_;
  PrivateSink private_sink_;
  u64 private_levels_ = 0;
  std::atomic<bool> input_{false};  // the external interrupt, as the controller of ours wants it
  bool driven_input_ = false;       // as KVM was told
  void* shared_ = nullptr;
  usize shared_size_ = 0;
  int irqchip_ = -1;  // the VM's
  pid_t process_ = 0;
  std::atomic<pid_t> thread_{0};  // 0: not bound yet
  std::atomic<bool> kicked_{false};
};

// The signal that interrupts KVM_RUN.
int kick_signal();

}  // namespace pv::kvm
