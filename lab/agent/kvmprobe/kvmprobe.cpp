// Asks the host's KVM whether it works: opens /dev/kvm, checks the API version (12), makes a
// virtual machine and a virtual CPU. One line of result; exit status 0 when all of it worked.
// It runs nothing in the machine.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace {

int fail(const char* what) {
  std::printf("kvmprobe: %s: %s\n", what, std::strerror(errno));
  return 1;
}

}  // namespace

int main() {
  const int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) return fail("/dev/kvm");
  const int version = ioctl(kvm, KVM_GET_API_VERSION, 0);
  if (version != KVM_API_VERSION) return fail("KVM_GET_API_VERSION");
  const int vm = ioctl(kvm, KVM_CREATE_VM, 0);
  if (vm < 0) return fail("KVM_CREATE_VM");
  const int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
  if (vcpu < 0) return fail("KVM_CREATE_VCPU");
  const int cpus = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS);
  std::printf("kvmprobe: ok, API version %d, recommended vcpus %d\n", version, cpus);
  return 0;
}
