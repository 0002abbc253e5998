// KvmReport: what this host's KVM said when it was asked and tried, as plain data. src/kvm/probe.h
// fills it in on a real host; unit tests make hosts up. Numbers are the kernel's own (KVM API,
// Documentation/virt/kvm/api.rst), names are those of <linux/kvm.h>.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace pv::doctor {

struct NamedValue {
  std::string name;
  i64 value;
};

struct KvmReport {
  int open_error = 0;   // errno of opening the device for reading and writing; 0: it is open
  int api_version = 0;  // negative: the errno of KVM_GET_API_VERSION, negated
  int create_vm_error = 0;

  // KVM_CHECK_EXTENSION, asked of a VM where one could be made: 0 is "not there".
  std::vector<NamedValue> capabilities{};
  // Kinds of interrupt controller in the kernel ("gicv3"): 0, or the errno of creating one.
  std::vector<NamedValue> controllers{};
  // What a new vCPU shows: riscv64's ISA and SBI extensions ("isa zbb", "sbi DBCN": 1 is on),
  // x86_64's "vmx", "svm", "hypervisor" bits of CPUID, frequencies in Hz.
  std::vector<NamedValue> facts{};

  // A guest of four instructions, in a process of its own. The stages in order: VM, memory,
  // interrupt controller, vCPU, registers, run; `reached` is the last one begun.
  struct Trial {
    bool attempted = false;
    bool passed = false;
    bool hung = false;      // no answer in time
    int killed_by = 0;      // the signal that ended the process
    std::string reached{};  // "run"
    std::string failure{};  // the sentence of what failed; empty where nothing did
  };
  Trial trial{};

  bool open() const { return open_error == 0 && api_version > 0; }
  // 0 where it is not there or was not asked for.
  i64 capability(std::string_view name) const { return find(capabilities, name).value_or(0); }
  bool has_controller(std::string_view name) const { return find(controllers, name) == 0; }
  i64 fact(std::string_view name) const { return find(facts, name).value_or(0); }

  static std::optional<i64> find(const std::vector<NamedValue>& list, std::string_view name) {
    for (const NamedValue& entry : list)
      if (entry.name == name) return entry.value;
    return std::nullopt;
  }
};

}  // namespace pv::doctor
