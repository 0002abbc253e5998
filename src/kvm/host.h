// Host: /dev/kvm opened and understood, or the reason why not in words.
#pragma once

#include <memory>

#include "base/fd.h"
#include "base/result.h"
#include "kvm/vm.h"

namespace pv::kvm {

class Host {
 public:
  // Errors (each with its remedy): no /dev/kvm, no permission, not KVM, another API version.
  static Result<Host> open(const char* path = "/dev/kvm");

  // The VM keeps a reference to this host, which therefore outlives it.
  Result<std::unique_ptr<Vm>> create_vm(const VmSpec& spec) const;

  int capability(int number) const;
  // Most vCPUs a VM can have.
  unsigned max_vcpus() const;

 private:
  Host(Fd kvm, usize run_size) : kvm_(std::move(kvm)), run_size_(run_size) {}
  Fd kvm_;
  usize run_size_;
};

}  // namespace pv::kvm
