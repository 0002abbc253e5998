#include "kvm/debug_probe.h"

#include <signal.h>
#include <time.h>

#include <array>
#include <cstring>
#include <span>

#include "base/arch.h"
#include "base/clock.h"
#include "base/instruction_cache.h"

namespace pv::kvm {
namespace {

using memory::GuestAddress;

constexpr u64 ram_size = 64_KiB;
constexpr u64 code_offset = 0x1000, data_offset = 0x2000;

// The same program everywhere: two instructions that do nothing, a store to `data`, one that does
// nothing, a store to `device`, a jump back to that.
struct Program {
  std::span<const u8> code;
  u64 nop_size;
  u64 ram;
  u64 device;
  const char* data_register;
  const char* device_register;
};

// nop; nop; str w0,[x1]; nop; str w0,[x2]; b .-4
constexpr u8 aarch64_code[] = {0x1f, 0x20, 0x03, 0xd5, 0x1f, 0x20, 0x03, 0xd5,
                               0x20, 0x00, 0x00, 0xb9, 0x1f, 0x20, 0x03, 0xd5,
                               0x40, 0x00, 0x00, 0xb9, 0xff, 0xff, 0xff, 0x17};
// nop; nop; sw zero,0(a1); nop; sw zero,0(a2); j .-4
constexpr u8 riscv64_code[] = {0x13, 0x00, 0x00, 0x00, 0x13, 0x00, 0x00, 0x00,
                               0x23, 0xa0, 0x05, 0x00, 0x13, 0x00, 0x00, 0x00,
                               0x23, 0x20, 0x06, 0x00, 0x6f, 0xf0, 0xdf, 0xff};
// nop; nop; stw r0,0(r4); nop; stw r0,0(r5); b .-4
constexpr u8 powerpc_code[] = {0x60, 0x00, 0x00, 0x00, 0x60, 0x00, 0x00, 0x00,
                               0x90, 0x04, 0x00, 0x00, 0x60, 0x00, 0x00, 0x00,
                               0x90, 0x05, 0x00, 0x00, 0x4b, 0xff, 0xff, 0xfc};
// nop; nop; mov [ebx],eax; nop; mov [ecx],eax; jmp .-2
constexpr u8 x86_64_code[] = {0x90, 0x90, 0x89, 0x03, 0x90, 0x89, 0x01, 0xeb, 0xfc};

Program program_of(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return {aarch64_code, 4, 0x4000'0000, 0x0900'0000, "x1", "x2"};
    case Arch::riscv64: return {riscv64_code, 4, 0x8000'0000, 0x1000'0000, "a1", "a2"};
    case Arch::powerpc: return {powerpc_code, 4, 0, 0x10'0000, "r4", "r5"};
    case Arch::x86_64: return {x86_64_code, 1, 0, 0xd000'0000, "rbx", "rcx"};
  }
  return {};
}

machine::BootState start_at(Arch arch, u64 pc) {
  switch (arch) {
    case Arch::aarch64: return machine::aarch64::BootState{.pc = pc};
    case Arch::riscv64: return machine::riscv64::BootState{.pc = pc};
    case Arch::powerpc: return machine::powerpc::BootState{.pc = pc, .mapping = 64_MiB};
    case Arch::x86_64: break;
  }
  machine::x86_64::BootState state;  // protected mode, no paging, flat segments
  state.rip = pc;
  state.cr0 = 0x11;
  state.cs = {0, 0xffff'ffff, 0x10, 11, false, true, true, true};
  state.ds = {0, 0xffff'ffff, 0x18, 3, false, true, true, true};
  state.tss = {0, 0x67, 0x20, 11, false, false, false, false};
  return state;
}

// Ends KVM_RUN now and then, so that a guest that hangs is noticed.
class Alarm {
 public:
  Alarm() {
    // As a vCPU's thread does it; the signal may come before there is one.
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(kick_signal(), &action, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = kick_signal();
    good_ = ::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
    itimerspec every{{0, 50'000'000}, {0, 50'000'000}};
    if (good_) ::timer_settime(timer_, 0, &every, nullptr);
  }
  ~Alarm() {
    if (good_) ::timer_delete(timer_);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  explicit operator bool() const { return good_; }

 private:
  timer_t timer_{};
  bool good_ = false;
};

// A vCPU in a VM of its own. Only a PC's boot state needs an interrupt controller.
Result<std::unique_ptr<hv::Vcpu>> create_vcpu(Vm& vm) {
  bool pc = vm.supports(machine::IrqChipKind::pc);
  if (pc) TRY(vm.create_irqchip(machine::PcIrqChip{}, 1));
  auto vcpu = TRY(vm.create_vcpu(0));
  if (pc) TRY(vm.finish_irqchip());
  return vcpu;
}

enum class Question : u8 { step, software, hardware, watch };

struct Probe {
  const Host& host;
  const hv::DebugLimits& limits;
  Program program = program_of(host_arch);
  u64 first = program.ram + code_offset, second = first + program.nop_size;

  hv::DebugControl control(Question question) const {
    using Kind = hv::HardwareBreakpoint::Kind;
    hv::DebugControl control;
    control.enabled = true;
    switch (question) {
      case Question::step: control.single_step = true; break;
      case Question::software: control.software_breakpoints = true; break;
      case Question::hardware: control.hardware = {{Kind::execute, second, 1}}; break;
      case Question::watch: control.hardware = {{Kind::write, program.ram + data_offset, 4}}; break;
    }
    return control;
  }

  Result<bool> ask(Question question) const {
    memory::GuestMemory ram;
    auto vm = TRY(host.create_vm({.highest_address = 4_GiB - 1, .cpus = 1}));
    auto region = TRY(ram.add({GuestAddress(program.ram), ram_size}, memory::Backing::anonymous));
    TRY(vm->map_ram(region, false));
    auto vcpu = TRY(create_vcpu(*vm));
    std::array<u8, 64> code{};
    std::memcpy(code.data(), program.code.data(), program.code.size());
    if (question == Question::software)
      std::memcpy(&code[static_cast<usize>(program.nop_size)], limits.instruction.data(),
                  limits.instruction_size);
    if (!ram.write_bytes(GuestAddress(first), code))
      return fail(Error::Kind::host, "no room for the probe");
    flush_instructions(region.host + code_offset, code.size());
    TRY(vm->set_boot_state(*vcpu, start_at(host_arch, first)));
    TRY(set(*vcpu, program.data_register, program.ram + data_offset));
    TRY(set(*vcpu, program.device_register, program.device));
    vcpu->bind_thread();
    TRY(vcpu->set_debug(control(question)));
    return stops(*vcpu, question);
  }

  static Result<void> set(hv::Vcpu& vcpu, const char* name, u64 value) {
    auto index = hv::RegisterFile(host_arch, hv::register_table(host_arch)).index(name);
    return vcpu.write_register(*index, {value, 0});
  }

  Result<bool> stops(hv::Vcpu& vcpu, Question question) const {
    constexpr i64 patience_ms = 500;
    for (i64 begun = monotonic_ms(); monotonic_ms() - begun < patience_ms;) {
      hv::Exit exit = TRY(vcpu.run());
      if (const auto* debug = std::get_if<hv::Debug>(&exit))
        return question == Question::watch || debug->pc == second;
      // The guest has reached its device, or something that no guest of ours does.
      if (!std::holds_alternative<hv::Interrupted>(exit)) return false;
    }
    return false;
  }
};

}  // namespace

hv::DebugLimits probe_debugging(const Host& host) {
  hv::DebugLimits limits;
  {
    auto vm = host.create_vm({.highest_address = 4_GiB - 1, .cpus = 1});
    if (!vm) return limits;
    auto vcpu = create_vcpu(**vm);
    if (!vcpu) return limits;
    // aarch64's knows no register before it is initialised.
    if (!(*vm)->set_boot_state(**vcpu, start_at(host_arch, program_of(host_arch).ram)))
      return limits;
    limits = (*vcpu)->debug_limits();
  }
  Alarm alarm;
  if (!limits.available || !alarm) return {};
  Probe probe{host, limits};
  auto yes = [&](Question question) { return probe.ask(question).value_or(false); };
  limits.single_step = limits.single_step && yes(Question::step);
  if (limits.breakpoints > 0 && !yes(Question::hardware)) limits.breakpoints = 0;
  if (limits.watchpoints > 0 && !yes(Question::watch)) limits.watchpoints = 0;
  limits.software_breakpoints = limits.software_breakpoints && yes(Question::software);
  return limits;
}

}  // namespace pv::kvm
