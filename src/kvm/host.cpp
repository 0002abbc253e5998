#include "kvm/host.h"

#include <fcntl.h>
#include <unistd.h>

#include "kvm/arch.h"

namespace pv::kvm {
namespace {

// The causes and remedies are the doctor's (src/doctor/device.cpp).
std::unexpected<Error> explain_open(const char* path, int error) {
  if (error == ENOENT || error == ENXIO || error == ENODEV)
    return fail_check("kvm-device", text("there is no {} on this host", path));
  if (error == EACCES || error == EPERM)
    return fail_check("kvm-device", text("no permission to open {}", path));
  return fail_errno(text("cannot open {}", path), error);
}

}  // namespace

Result<Host> Host::open(const char* path) {
  Fd kvm(::open(path, O_RDWR | O_CLOEXEC));
  if (!kvm.valid()) return explain_open(path, errno);
  int version = try_ioctl(kvm, KVM_GET_API_VERSION);
  if (version < 0) return fail_check("kvm-device", text("{} is not KVM's device", path));
  if (version != KVM_API_VERSION)
    return fail_check("kvm-device",
                      text("the host speaks KVM API version {}; polyvisor needs version {}",
                           version, KVM_API_VERSION));
  int size = TRY(checked_ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, "KVM_GET_VCPU_MMAP_SIZE"));
  return Host(std::move(kvm), static_cast<usize>(size));
}

int Host::capability(int number) const {
  int result = try_ioctl(kvm_, KVM_CHECK_EXTENSION, static_cast<unsigned long>(number));
  return result < 0 ? 0 : result;
}

unsigned Host::max_vcpus() const {
  int max = capability(KVM_CAP_MAX_VCPUS);
  if (max <= 0) max = capability(KVM_CAP_NR_VCPUS);
  return max <= 0 ? 4 : static_cast<unsigned>(max);
}

Result<std::unique_ptr<Vm>> Host::create_vm(const VmSpec& spec) const {
  if (spec.cpus > max_vcpus())
    return fail(Error::Kind::usage,
                text("{} CPUs are more than the {} that this host's KVM gives one guest", spec.cpus,
                     max_vcpus()),
                "ask for fewer with --cpus");
  unsigned long type = TRY(arch::vm_type(kvm_, spec));
  auto made = checked_ioctl(kvm_, KVM_CREATE_VM, "to create a VM (KVM_CREATE_VM)", type);
  if (!made) return fail_check("create-vm", std::move(made).error().message);
  Fd fd(*made);
  auto vm = std::make_unique<Vm>(std::move(fd), kvm_, run_size_);
  TRY(arch::init_vm(*vm));
  return vm;
}

}  // namespace pv::kvm
