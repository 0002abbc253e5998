// ioctl(2) on KVM's descriptors with the call's name in the error. EINTR is repeated.
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "base/fd.h"
#include "base/result.h"
#include "base/text.h"

namespace pv::kvm {

// The non-negative result, or the error as a negative errno: for calls whose failure is an answer.
template <class Arg = unsigned long>
int try_ioctl(const Fd& fd, unsigned long request, Arg arg = {}) {
  int result;
  do {
    result = ::ioctl(fd.get(), request, arg);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

template <class Arg = unsigned long>
Result<int> checked_ioctl(const Fd& fd, unsigned long request, const char* name, Arg arg = {},
                          const char* hint = "") {
  int result = try_ioctl(fd, request, arg);
  if (result < 0) return fail_errno(text("KVM refused {}", name), -result, hint);
  return result;
}

// Gives a KVM device (KVM_CREATE_DEVICE) one attribute; `value` is a pointer or null.
inline Result<void> set_device_attr(const Fd& device, u32 group, u64 attr, const void* value,
                                    const char* name) {
  kvm_device_attr request{};
  request.group = group;
  request.attr = attr;
  request.addr = reinterpret_cast<uintptr_t>(value);
  TRY(checked_ioctl(device, KVM_SET_DEVICE_ATTR, name, &request));
  return {};
}

// One of KVM's structures that are a count and an array (kvm_cpuid2, kvm_msrs): the kernel header's
// own declarations have another layout in C++, where the empty structure of
// __DECLARE_FLEX_ARRAY has a size. For the same reason their requests are built with u64 below.
template <class Entry, usize n>
struct Counted {
  static constexpr u32 capacity = n;
  u32 count = 0;
  u32 padding = 0;
  Entry entries[n]{};
};

}  // namespace pv::kvm
