#include "vmm/undescribed.h"

namespace pv::vmm {
namespace {

using inspect::aarch64::Completion;

// More than any race with another CPU that changes code or tables could need.
constexpr u32 most_attempts = 100;

bus::Width width_of(unsigned bytes) { return static_cast<bus::Width>(bytes); }

Outcome host_error(const Error& error) {
  return {Outcome::Kind::host_error, 0, error.message, error.hint};
}

}  // namespace

// One vCPU and the machine around it, as the completion sees them.
class Undescribed::Guest final : public inspect::aarch64::Registers,
                                 public inspect::aarch64::Physical {
 public:
  Guest(Undescribed& owner, hv::Vcpu& vcpu) : owner_(owner), vcpu_(vcpu) {}

  Result<hv::RegisterValue> read(usize place) override { return vcpu_.read_register(place); }
  Result<void> write(usize place, hv::RegisterValue value) override {
    return vcpu_.write_register(place, value);
  }
  bool read_ram(u64 address, MutableBytes into) override {
    return owner_.ram_.read_bytes(memory::GuestAddress(address), into);
  }
  bool write_ram(u64 address, Bytes from) override {
    return owner_.ram_.write_bytes(memory::GuestAddress(address), from);
  }
  u64 read_device(u64 address, unsigned bytes) override {
    u64 value;
    if (!owner_.mmio_.read(address, width_of(bytes), value))
      owner_.log_.guest(owner_.stray_, "the guest read {} bytes at {:#x}, where nothing is", bytes,
                        address);
    return value;
  }
  void write_device(u64 address, unsigned bytes, u64 value) override {
    if (!owner_.mmio_.write(address, width_of(bytes), value))
      owner_.log_.guest(owner_.stray_, "the guest wrote {} bytes at {:#x}, where nothing is", bytes,
                        address);
  }
  const char* in_kernel(u64 address) override {
    for (const KernelRange& range : owner_.kernel_)
      if (address >= range.base && address - range.base < range.size) return range.name;
    return nullptr;
  }

 private:
  Undescribed& owner_;
  hv::Vcpu& vcpu_;
};

// Sizes: Arm GIC architecture 2.0, 4.1; GICv3, 12.10.
Undescribed::Undescribed(bus::Bus& mmio, memory::GuestMemory& ram, const machine::IrqChip& chip,
                         unsigned cpus, config::Nisv refused, Log& log)
    : mmio_(mmio), ram_(ram), attempts_(cpus), refused_(refused), log_(log) {
  if (const auto* v3 = std::get_if<machine::GicV3>(&chip))
    kernel_ = {{"GIC's distributor", v3->distributor, 64_KiB},
               {"GIC's redistributors", v3->redistributors, 128_KiB * cpus}};
  if (const auto* v2 = std::get_if<machine::GicV2>(&chip))
    kernel_ = {{"GIC's distributor", v2->distributor, 4_KiB},
               {"GIC's CPU interface", v2->cpu_interface, 8_KiB}};
}

// Whether to enter the guest once more.
bool Undescribed::again(unsigned cpu, u64 pc) {
  Attempts& attempts = attempts_[cpu];
  if (attempts.pc != pc) attempts = {pc, 0};
  return ++attempts.count <= most_attempts;
}

Undescribed::Handled Undescribed::handle(hv::Vcpu& vcpu, const hv::Nisv& exit) {
  Guest guest(*this, vcpu);
  auto done = inspect::aarch64::complete({exit.syndrome, exit.address.value()}, guest, guest);
  if (!done) return {host_error(done.error()), {}};
  switch (done->kind) {
    case Completion::Kind::done: attempts_[vcpu.index()] = {}; return moved(vcpu);
    case Completion::Kind::faulted: return moved(vcpu);
    case Completion::Kind::again:
      if (again(vcpu.index(), done->pc)) return {};
      done->reason = "no load or store that could have done this stands there";
      break;
    case Completion::Kind::refused: break;
  }
  return refuse(vcpu, exit, *done);
}

// Only a debugger that steps wants to know where.
Undescribed::Handled Undescribed::moved(hv::Vcpu& vcpu) {
  if (!vcpu.single_stepping()) return {};
  auto pc = vcpu.read_register(inspect::aarch64::place("pc"));
  if (!pc) return {host_error(pc.error()), {}};
  return {{}, pc->low};
}

Undescribed::Handled Undescribed::refuse(hv::Vcpu& vcpu, const hv::Nisv& exit,
                                         const Completion& refused) {
  std::string what = text(
      "CPU {}: the instruction {:#010x} at {:#x} accessed {:#x}, outside RAM, and polyvisor "
      "cannot complete it: {}",
      vcpu.index(), refused.instruction, refused.pc, exit.address.value(), refused.reason);
  const char* hint = "the guest must access devices by ordinary loads and stores";
  if (refused_ == config::Nisv::stop || !refused.abort)
    return {Outcome{Outcome::Kind::crash, 0, std::move(what), hint}, {}};
  log_.guest(refusals_, "{}; the guest got a data abort (--nisv stop ends the run instead)", what);
  Guest guest(*this, vcpu);
  if (auto told = inspect::aarch64::take(*refused.abort, guest); !told)
    return {host_error(told.error()), {}};
  return moved(vcpu);
}

}  // namespace pv::vmm
