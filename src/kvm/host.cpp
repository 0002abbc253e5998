#include "kvm/host.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/arch.h"
#include "kvm/arch.h"

namespace pv::kvm {
namespace {

std::string missing_hint() {
  switch (host_arch) {
    case Arch::aarch64:
      return "the host kernel needs CONFIG_KVM, and the firmware must start it at EL2: "
             "'dmesg | grep -i kvm' says \"HYP mode not available\" otherwise";
    case Arch::riscv64:
      return "the host kernel needs CONFIG_KVM (module kvm) and a CPU with the H extension";
    case Arch::powerpc: return "the host kernel needs CONFIG_KVM_E500V2 or CONFIG_KVM_E500MC";
    case Arch::x86_64:
      return "load kvm_intel or kvm_amd, and switch virtualization on in the firmware; without "
             "such "
             "a machine, 'lab/lab' of the source tree emulates one";
  }
  return {};
}

std::unexpected<Error> explain_open(const char* path, int error) {
  if (error == ENOENT || error == ENXIO || error == ENODEV)
    return fail(Error::Kind::host, text("there is no {} on this host", path), missing_hint());
  if (error == EACCES || error == EPERM)
    return fail(Error::Kind::host, text("no permission to open {}", path),
                "add your user to the group that owns it (usually kvm), or run as root");
  return fail_errno(text("cannot open {}", path), error);
}

}  // namespace

Result<Host> Host::open(const char* path) {
  Fd kvm(::open(path, O_RDWR | O_CLOEXEC));
  if (!kvm.valid()) return explain_open(path, errno);
  int version = try_ioctl(kvm, KVM_GET_API_VERSION);
  if (version < 0) return fail(Error::Kind::host, text("{} is not KVM's device", path));
  if (version != KVM_API_VERSION)
    return fail(Error::Kind::host,
                text("the host speaks KVM API version {}; polyvisor needs version {}", version,
                     KVM_API_VERSION));
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
  Fd fd(TRY(checked_ioctl(kvm_, KVM_CREATE_VM, "to create a VM (KVM_CREATE_VM)", type)));
  auto vm = std::make_unique<Vm>(std::move(fd), kvm_, run_size_);
  TRY(arch::init_vm(*vm));
  return vm;
}

}  // namespace pv::kvm
