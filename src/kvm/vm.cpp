#include "kvm/vm.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>

#include "kvm/arch.h"

namespace pv::kvm {

Vm::~Vm() {
  if (ring_ != nullptr) ::munmap(ring_, page_);
}

int Vm::capability(int number) const {
  int result = try_ioctl(fd_, KVM_CHECK_EXTENSION, static_cast<unsigned long>(number));
  return result < 0 ? 0 : result;
}

Result<void> Vm::map_ram(const memory::HostRegion& region, bool read_only) {
  kvm_userspace_memory_region slot{};
  slot.slot = slots_++;
  slot.flags = read_only ? KVM_MEM_READONLY : 0;
  slot.guest_phys_addr = region.guest.base.value();
  slot.memory_size = region.guest.size;
  slot.userspace_addr = reinterpret_cast<uintptr_t>(region.host);
  TRY(checked_ioctl(fd_, KVM_SET_USER_MEMORY_REGION, "guest memory (KVM_SET_USER_MEMORY_REGION)",
                    &slot, "give the guest less memory with --mem"));
  return {};
}

Result<std::unique_ptr<hv::Vcpu>> Vm::create_vcpu(unsigned index) {
  auto vcpu = TRY(Vcpu::create(fd_, index, run_size_), text("vCPU {}", index));
  TRY(arch::init_vcpu(*this, *vcpu), text("vCPU {}", index));
  if (ring_ == nullptr) {
    // The ring of coalesced writes is one per VM, seen through any vCPU's descriptor.
    page_ = static_cast<usize>(::sysconf(_SC_PAGESIZE));
    int offset = capability(KVM_CAP_COALESCED_MMIO);
    if (offset > 0) {
      void* ring = ::mmap(nullptr, page_, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd().get(),
                          static_cast<off_t>(page_ * static_cast<usize>(offset)));
      if (ring != MAP_FAILED) ring_ = static_cast<PostedRing*>(ring);
    }
  }
  return vcpu;
}

namespace {

class KernelIrqLine final : public hv::IrqLine {
 public:
  KernelIrqLine(const Fd& vm, u32 irq) : vm_(vm), irq_(irq) {}
  void set(bool level) override {
    kvm_irq_level request{};
    request.irq = irq_;
    request.level = level ? 1 : 0;
    ::ioctl(vm_.get(), KVM_IRQ_LINE, &request);
  }

 private:
  const Fd& vm_;
  u32 irq_;
};

}  // namespace

Result<std::unique_ptr<hv::IrqLine>> Vm::irq_line(u32 gsi) {
  if (std::holds_alternative<machine::UserIrqChip>(chip_))
    return fail(Error::Kind::host, "this machine's interrupt controller is not in the kernel");
  return std::make_unique<KernelIrqLine>(fd_, arch::encode_irq(gsi));
}

namespace {

kvm_ioeventfd ioeventfd(hv::Space space, const bus::Doorbell& doorbell) {
  kvm_ioeventfd request{};
  request.addr = doorbell.address;
  request.len = doorbell.width;
  request.fd = doorbell.event;
  if (space == hv::Space::pio) request.flags |= KVM_IOEVENTFD_FLAG_PIO;
  if (doorbell.match) {
    request.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
    request.datamatch = *doorbell.match;
  }
  return request;
}

class KernelMsis final : public hv::MsiTarget {
 public:
  KernelMsis(const Fd& vm, bool by_requester) : vm_(vm), by_requester_(by_requester) {}
  void signal(const hv::Msi& msi) override {
    kvm_msi request{};
    request.address_lo = static_cast<u32>(msi.address);
    request.address_hi = static_cast<u32>(msi.address >> 32);
    request.data = msi.data;
    if (by_requester_) {
      request.flags = KVM_MSI_VALID_DEVID;
      request.devid = msi.device;
    }
    ::ioctl(vm_.get(), KVM_SIGNAL_MSI, &request);
  }

 private:
  const Fd& vm_;
  bool by_requester_;
};

}  // namespace

Result<void> Vm::attach_doorbell(hv::Space space, const bus::Doorbell& doorbell) {
  kvm_ioeventfd request = ioeventfd(space, doorbell);
  TRY(checked_ioctl(fd_, KVM_IOEVENTFD, "a doorbell in the kernel (KVM_IOEVENTFD)", &request));
  return {};
}

void Vm::detach_doorbell(hv::Space space, const bus::Doorbell& doorbell) {
  kvm_ioeventfd request = ioeventfd(space, doorbell);
  request.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
  try_ioctl(fd_, KVM_IOEVENTFD, &request);
}

Result<std::unique_ptr<hv::MsiTarget>> Vm::msi_target() {
  if (std::holds_alternative<machine::UserIrqChip>(chip_) || capability(KVM_CAP_SIGNAL_MSI) <= 0)
    return fail(Error::Kind::host, "the host's KVM takes no message-signalled interrupts");
  return std::make_unique<KernelMsis>(fd_, its_fd_.valid());
}

Result<void> Vm::coalesce_writes(hv::Space space, bus::Range range) {
  int cap = space == hv::Space::pio ? KVM_CAP_COALESCED_PIO : KVM_CAP_COALESCED_MMIO;
  if (ring_ == nullptr || capability(cap) <= 0)
    return fail(Error::Kind::host, "the host's KVM cannot coalesce writes");
  kvm_coalesced_mmio_zone zone{};
  zone.addr = range.base;
  zone.size = static_cast<u32>(range.size);
  zone.pio = space == hv::Space::pio ? 1 : 0;
  TRY(checked_ioctl(fd_, KVM_REGISTER_COALESCED_MMIO, "KVM_REGISTER_COALESCED_MMIO", &zone));
  return {};
}

void Vm::drain_posted(const std::function<void(const hv::PostedWrite&)>& sink) {
  if (ring_ == nullptr) return;
  std::atomic_ref<u32> first(ring_->first), last(ring_->last);
  if (first.load(std::memory_order_acquire) == last.load(std::memory_order_acquire)) return;
  std::lock_guard lock(drain_);
  u32 count = static_cast<u32>((page_ - PostedRing::header) / sizeof(kvm_coalesced_mmio));
  // What is posted from here on is the next call's: vCPUs that never stop posting hold up nobody.
  // `end` comes from the kernel, bounded all the same: the ring's page is shared memory.
  const u32 end = last.load(std::memory_order_acquire);
  for (u32 i = first.load(std::memory_order_relaxed); i != end;) {
    if (i >= count) break;
    const kvm_coalesced_mmio& entry = ring_->entries[i];
    u64 value = 0;
    u32 length = entry.len <= 8 ? entry.len : 8;
    arch::load_posted(entry.data, length, value);
    hv::PostedWrite write{entry.pio != 0 ? hv::Space::pio : hv::Space::mmio, entry.phys_addr,
                          static_cast<hv::Width>(length), value};
    i = (i + 1) % count;
    if (length == 1 || length == 2 || length == 4 || length == 8) sink(write);
    // After delivery: who finds the ring empty without the lock may rely on nothing being under
    // way.
    first.store(i, std::memory_order_release);
  }
}

bool Vm::supports(machine::IrqChipKind kind) const { return arch::supports(*this, kind); }

Result<void> Vm::create_irqchip(const machine::IrqChip& chip, unsigned cpus) {
  chip_ = chip;
  cpus_ = cpus;
  return arch::create_irqchip(*this);
}

Result<void> Vm::finish_irqchip() { return arch::finish_irqchip(*this); }

Result<machine::HostFacts> Vm::facts(hv::Vcpu& vcpu) const {
  return arch::facts(*this, static_cast<Vcpu&>(vcpu));
}

Result<void> Vm::set_boot_state(hv::Vcpu& vcpu, const machine::BootState& state) {
  return arch::set_boot_state(*this, static_cast<Vcpu&>(vcpu), state);
}

}  // namespace pv::kvm
