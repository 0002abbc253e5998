// Vm over KVM: memory slots, vCPUs, the in-kernel interrupt controller, ioeventfds and the ring of
// coalesced writes.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>

#include "base/log.h"
#include "hv/vm.h"
#include "kvm/ioctl.h"
#include "kvm/vcpu.h"
#include "machine/boot_state.h"
#include "machine/host_facts.h"
#include "machine/irqchip.h"

namespace pv::kvm {

// What must be known before KVM_CREATE_VM.
struct VmSpec {
  u64 highest_address = 0;  // last guest-physical address of RAM or device
  unsigned cpus = 1;
};

// The page of kvm_coalesced_mmio_ring, whose declaration has another layout in C++ (see Counted).
struct PostedRing {
  static constexpr usize header = 2 * sizeof(u32);
  u32 first, last;
  kvm_coalesced_mmio entries[1];  // (page size - header) / sizeof of them
};
static_assert(offsetof(PostedRing, entries) == PostedRing::header);

class Vm final : public hv::Vm {
 public:
  Vm(Fd vm, const Fd& kvm, usize run_size) : fd_(std::move(vm)), kvm_(kvm), run_size_(run_size) {}
  ~Vm() override;

  Result<void> map_ram(const memory::HostRegion& region, bool read_only) override;
  Result<std::unique_ptr<hv::Vcpu>> create_vcpu(unsigned index) override;
  Result<std::unique_ptr<hv::IrqLine>> irq_line(u32 gsi) override;
  Result<void> attach_doorbell(hv::Space space, const bus::Doorbell& doorbell) override;
  void detach_doorbell(hv::Space space, const bus::Doorbell& doorbell) override;
  Result<std::unique_ptr<hv::MsiTarget>> msi_target() override;
  Result<void> coalesce_writes(hv::Space space, bus::Range range) override;
  void drain_posted(const std::function<void(const hv::PostedWrite&)>& sink) override;

  // Whether the host can put this controller into the kernel (asked by trying).
  bool supports(machine::IrqChipKind kind) const;
  // Before the vCPUs; finish_irqchip() after all of them.
  Result<void> create_irqchip(const machine::IrqChip& chip, unsigned cpus);
  Result<void> finish_irqchip();

  // What the machine must know of the host; needs one vCPU.
  Result<machine::HostFacts> facts(hv::Vcpu& vcpu) const;
  // The state at the first instruction; also what a guest reset restores.
  Result<void> set_boot_state(hv::Vcpu& vcpu, const machine::BootState& state);

  const Fd& fd() const { return fd_; }
  const Fd& kvm() const { return kvm_; }
  int capability(int number) const;  // KVM_CHECK_EXTENSION on the VM; 0 when absent
  const machine::IrqChip& irqchip() const { return chip_; }
  Fd& irqchip_fd() { return irqchip_fd_; }
  Fd& its_fd() { return its_fd_; }
  unsigned cpus() const { return cpus_; }

 private:
  Fd fd_;
  const Fd& kvm_;
  usize run_size_;
  u32 slots_ = 0;
  unsigned cpus_ = 0;
  machine::IrqChip chip_;
  Fd irqchip_fd_;
  Fd its_fd_;  // aarch64's Interrupt Translation Service is a device of its own
  PostedRing* ring_ = nullptr;
  usize page_ = 0;
  std::mutex drain_;
};

}  // namespace pv::kvm
