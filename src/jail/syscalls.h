// System calls by name, without asking the preprocessor which architecture this is: the number of
// a call that <sys/syscall.h> does not know is `absent`, and a rule about it vanishes. (32-bit
// hosts have futex_time64 and mmap2, riscv64 has no unlink, older headers have no futex_waitv.)
//
//   constexpr Call call = PV_CALL(read);   // {"read", 63} on aarch64
//
// How it works: "__NR_read" is put between quotes after macro expansion. What comes out is a
// number where the kernel's headers define it and the name itself where they do not.
#pragma once

#include <linux/audit.h>
#include <sys/syscall.h>

#include <bit>
#include <string_view>

#include "base/arch.h"
#include "base/types.h"

namespace pv::jail {

constexpr u32 absent = 0xffff'ffff;

struct Call {
  const char* name;
  u32 number;

  constexpr bool exists() const { return number != absent; }
};

// A decimal number, or a sum of some (riscv64's own calls are "(244 + 15)"), or `absent` for
// anything else.
consteval u32 number_in(std::string_view text) {
  u32 sum = 0, value = 0;
  bool digits = false;
  for (char c : text) {
    if (c == '(' || c == ')' || c == ' ') continue;
    if (c == '+') {
      sum += value;
      value = 0;
      continue;
    }
    if (c < '0' || c > '9') return absent;
    value = value * 10 + static_cast<u32>(c - '0');
    digits = true;
  }
  return digits ? sum + value : absent;
}

// What seccomp_data.arch holds in a process of this binary (<linux/audit.h>).
constexpr u32 audit_arch_of(Arch arch, usize pointer_size, std::endian order) {
  switch (arch) {
    case Arch::aarch64: return AUDIT_ARCH_AARCH64;
    case Arch::riscv64: return AUDIT_ARCH_RISCV64;
    case Arch::x86_64: return AUDIT_ARCH_X86_64;
    case Arch::powerpc:
      if (pointer_size == 4) return AUDIT_ARCH_PPC;
      return order == std::endian::big ? AUDIT_ARCH_PPC64 : AUDIT_ARCH_PPC64LE;
  }
  return 0;
}
constexpr u32 audit_arch = audit_arch_of(host_arch, sizeof(void*), std::endian::native);

}  // namespace pv::jail

#define PV_STRING_EXPANDED(x) #x
#define PV_STRING(x) PV_STRING_EXPANDED(x)
#define PV_CALL(name) (::pv::jail::Call{#name, ::pv::jail::number_in(PV_STRING(__NR_##name))})
