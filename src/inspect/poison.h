// The value with which KVM on aarch64 fills registers whose content is unknown at reset
// (reset_unknown() in arch/arm64/kvm/sys_regs.c), and its traces: a guest that reads such a
// register before it has written it computes with this value, and then with sums of it.
#pragma once

#include <string>
#include <vector>

#include "hv/registers.h"

namespace pv::inspect {

inline constexpr u64 kvm_poison = 0x1de7'ec7e'dbad'c0de;

struct PoisonTrace {
  enum class Form : u8 {
    exact,          // the value itself
    plus_register,  // the value + another register's content
    plus_address,   // the value + an address
    plus_small,     // the value + or - at most 1 MiB
    minus,          // a kernel's address - the value
    low_half,       // its lower 32 bits
  };
  std::string name;  // of the register
  u64 value = 0;
  Form form = Form::exact;
  u64 offset = 0;     // what was added, or from what it was subtracted
  std::string other;  // plus_register: whose content that is
};

// Among the general registers (and the stack pointer).
std::vector<PoisonTrace> find_poison(const hv::RegisterFile& cpu);
// The same question of one value, which belongs to no register: `other` names nothing.
bool is_poisoned(u64 value);
// System registers that still hold it: never written since reset.
std::vector<std::string> never_written(const hv::RegisterFile& cpu);

// "X20 = 0x1de7ec3eec328b16 = the value + X1 (0xffffffc01084ca38)"
std::string describe(const PoisonTrace& trace);

// A register's name as people write it: "X20", "TPIDR_EL1", "PC".
std::string upper(std::string_view name);

}  // namespace pv::inspect
