// For kvm/contract_test.cpp: guests of a few instructions, as machine code for KVM and as the list
// of exits for the fake, and the two hypervisors that run them. The machine code is x86's, in
// 32-bit protected mode without paging: the state in which PVH enters.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/arch.h"
#include "hv/fake.h"
#include "kvm/host.h"

namespace pv::kvm {

using hv::GuestAddress;
using hv::Width;

constexpr u64 code_at = 0x1000;
constexpr u64 device = 0xd000'0000;

inline machine::BootState entry_state() {
  machine::x86_64::BootState state;
  state.rip = code_at;
  state.cr0 = 0x11;
  state.cs = {0, 0xffff'ffff, 0x10, 11, false, true, true, true};
  state.ds = {0, 0xffff'ffff, 0x18, 3, false, true, true, true};
  state.tss = {0, 0x67, 0x20, 11, false, false, false, false};
  return state;
}

// Machine code and what it does, written side by side.
struct Program {
  std::vector<u8> code;
  std::vector<hv::FakeVcpu::Step> steps;
  std::vector<hv::Exit> unfinished;   // what finishing finds
  std::deque<std::vector<u8>> items;  // what the fake's port instructions move

  Program& bytes(std::initializer_list<u8> more) {
    code.insert(code.end(), more);
    return *this;
  }
  Program& word(u32 value) {
    for (int i = 0; i < 4; ++i) code.push_back(static_cast<u8>(value >> (8 * i)));
    return *this;
  }
  std::vector<u8>& item(u32 value, usize size) {
    items.emplace_back();
    for (usize i = 0; i < size; ++i) items.back().push_back(static_cast<u8>(value >> (8 * i)));
    return items.back();
  }
  void step(hv::Exit exit) {
    steps.push_back([exit](u64) { return exit; });
  }
  // out port, al
  Program& out8(u8 port, u8 value) {
    step(hv::Pio{port, Width::byte, true, item(value, 1)});
    return bytes({0xb0, value, 0xe6, port});
  }
  // in eax, port; out echo, eax
  Program& in32_echo(u8 port, u8 echo) {
    std::vector<u8>& data = item(0, 4);
    step(hv::Pio{port, Width::word, false, data});
    step(hv::Pio{echo, Width::word, true, data});
    return bytes({0xe5, port, 0xe7, echo});
  }
  // mov dword [address], value
  Program& store32(u64 address, u32 value) {
    step(hv::MmioWrite{GuestAddress(address), Width::word, value});
    return bytes({0xc7, 0x05}).word(static_cast<u32>(address)).word(value);
  }
  // mov byte [address], value
  Program& store8(u64 address, u8 value) {
    step(hv::MmioWrite{GuestAddress(address), Width::byte, value});
    return bytes({0xc6, 0x05}).word(static_cast<u32>(address)).bytes({value});
  }
  // mov eax, [address]; mov [address + 4], eax
  Program& load32_echo(u64 address) {
    step(hv::MmioRead{GuestAddress(address), Width::word});
    steps.push_back([address](u64 last) -> hv::Exit {
      return hv::MmioWrite{GuestAddress(address + 4), Width::word, last};
    });
    bytes({0xa1}).word(static_cast<u32>(address));
    return bytes({0xa3}).word(static_cast<u32>(address + 4));
  }
  // jmp to itself
  Program& spin() { return bytes({0xeb, 0xfe}); }
};

// A hypervisor with one VM: RAM at 0, one vCPU at the program's first instruction.
class Provider {
 public:
  virtual ~Provider() = default;
  // Empty, or why this one cannot be tested here.
  virtual std::string set_up(const Program& program) = 0;
  virtual hv::Vm& vm() = 0;
  virtual hv::Vcpu& vcpu() = 0;
  memory::GuestMemory ram;

 protected:
  std::string add_ram() {
    auto region = ram.add({GuestAddress(0), 1_MiB}, memory::Backing::anonymous);
    if (!region) return region.error().message;
    region_ = *region;
    auto mapped = vm().map_ram(region_, false);
    return mapped ? "" : mapped.error().message;
  }
  memory::HostRegion region_;
};

class FakeProvider final : public Provider {
 public:
  std::string set_up(const Program& program) override {
    if (auto why = add_ram(); !why.empty()) return why;
    vcpu_ = vm_.vcpu(0);
    for (const auto& step : program.steps) vcpu_->then_step(step);
    for (const auto& exit : program.unfinished) vcpu_->then_unfinished(exit);
    return {};
  }
  hv::Vm& vm() override { return vm_; }
  hv::Vcpu& vcpu() override { return *vcpu_; }

 private:
  hv::FakeVm vm_;
  std::unique_ptr<hv::FakeVcpu> vcpu_;
};

class KvmProvider final : public Provider {
 public:
  std::string set_up(const Program& program) override {
    if (host_arch != Arch::x86_64) return text("no guest code for {} here", name(host_arch));
    if (::access("/dev/kvm", R_OK | W_OK) != 0) return "no usable /dev/kvm here";
    auto failed = prepare(program);
    return failed ? "" : failed.error().message;
  }
  hv::Vm& vm() override { return *vm_; }
  hv::Vcpu& vcpu() override { return *vcpu_; }

 private:
  Result<void> prepare(const Program& program) {
    host_ = TRY(Host::open());
    vm_ = TRY(host_->create_vm({.highest_address = 4_GiB - 1, .cpus = 1}));
    if (auto why = add_ram(); !why.empty()) return fail(Error::Kind::host, why);
    TRY(vm_->create_irqchip(machine::PcIrqChip{}, 1));
    vcpu_ = TRY(vm_->create_vcpu(0));
    TRY(vm_->finish_irqchip());
    if (!ram.write_bytes(GuestAddress(code_at), program.code))
      return fail(Error::Kind::host, "the program does not fit");
    return vm_->set_boot_state(*vcpu_, entry_state());
  }

  std::optional<Host> host_;
  std::unique_ptr<Vm> vm_;
  std::unique_ptr<hv::Vcpu> vcpu_;
};

}  // namespace pv::kvm
