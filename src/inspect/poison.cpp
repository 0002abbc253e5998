#include "inspect/poison.h"

#include "base/text.h"

namespace pv::inspect {
namespace {

constexpr u64 small = 1_MiB;

// Addresses of a 64-bit kernel: the upper 16 bits are ones.
bool kernel_address(u64 value) { return value >> 48 == 0xffff; }

// Physical ones, and those of a program that runs at them; also kernels' that lie high.
bool plain_address(u64 value) {
  constexpr u64 reach = u64{1} << 40;
  return value < reach || value > ~reach;
}

bool near_zero(u64 value) { return value < small || value > ~u64{0} - small; }

// Without looking at other registers.
bool trace_of(u64 value, PoisonTrace& trace) {
  trace.value = value;
  if (value == kvm_poison) {
    trace.form = PoisonTrace::Form::exact;
  } else if (near_zero(value - kvm_poison)) {
    trace.form = PoisonTrace::Form::plus_small;
    trace.offset = value - kvm_poison;
  } else if (kernel_address(value - kvm_poison) || plain_address(value - kvm_poison)) {
    trace.form = PoisonTrace::Form::plus_address;
    trace.offset = value - kvm_poison;
  } else if (kernel_address(value + kvm_poison)) {
    trace.form = PoisonTrace::Form::minus;
    trace.offset = value + kvm_poison;
  } else if (value == (kvm_poison & 0xffff'ffff)) {
    trace.form = PoisonTrace::Form::low_half;
  } else {
    return false;
  }
  return true;
}

bool counts(const hv::RegisterFile& cpu, usize i) {
  return cpu.known[i] != 0 && cpu.table[i].group == hv::RegisterGroup::general;
}

}  // namespace

bool is_poisoned(u64 value) {
  PoisonTrace trace;
  return trace_of(value, trace);
}

std::vector<PoisonTrace> find_poison(const hv::RegisterFile& cpu) {
  std::vector<PoisonTrace> found;
  if (cpu.arch != Arch::aarch64) return found;
  for (usize i = 0; i < cpu.table.size(); ++i) {
    PoisonTrace trace;
    if (!counts(cpu, i) || !trace_of(cpu.values[i].low, trace)) continue;
    trace.name = cpu.table[i].name;
    const bool sum = trace.form == PoisonTrace::Form::plus_address ||
                     trace.form == PoisonTrace::Form::plus_small;
    for (usize j = 0; sum && j < cpu.table.size(); ++j) {
      if (j == i || !counts(cpu, j) || cpu.values[j].low != trace.offset) continue;
      trace.form = PoisonTrace::Form::plus_register;
      trace.other = cpu.table[j].name;
      break;
    }
    found.push_back(std::move(trace));
  }
  return found;
}

std::vector<std::string> never_written(const hv::RegisterFile& cpu) {
  std::vector<std::string> names;
  if (cpu.arch != Arch::aarch64) return names;
  for (usize i = 0; i < cpu.table.size(); ++i)
    if (cpu.known[i] != 0 && cpu.table[i].group == hv::RegisterGroup::system &&
        cpu.values[i].low == kvm_poison)
      names.emplace_back(cpu.table[i].name);
  return names;
}

std::string upper(std::string_view name) {
  std::string big(name);
  for (char& c : big)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return big;
}

std::string describe(const PoisonTrace& trace) {
  const std::string is = text("{} = {:#x}", upper(trace.name), trace.value);
  switch (trace.form) {
    case PoisonTrace::Form::exact: return is;
    case PoisonTrace::Form::plus_register:
      return text("{} = that value + {} ({:#x})", is, upper(trace.other), trace.offset);
    case PoisonTrace::Form::plus_address:
      return text("{} = that value + the address {:#x}", is, trace.offset);
    case PoisonTrace::Form::plus_small:
      return trace.offset < small ? text("{} = that value + {:#x}", is, trace.offset)
                                  : text("{} = that value - {:#x}", is, u64{0} - trace.offset);
    case PoisonTrace::Form::minus:
      return text("{} = the address {:#x} - that value", is, trace.offset);
    case PoisonTrace::Form::low_half: return is + ", its lower 32 bits";
  }
  return is;
}

}  // namespace pv::inspect
