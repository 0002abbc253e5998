// The architectures polyvisor knows, and which of them this binary runs on. This file and CMake
// are the only places that ask the compiler about the architecture.
#pragma once

#include <sys/auxv.h>

#include <optional>
#include <string_view>

#include "base/types.h"

namespace pv {

enum class Arch : u8 { aarch64, riscv64, powerpc, x86_64 };

constexpr std::string_view name(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return "aarch64";
    case Arch::riscv64: return "riscv64";
    case Arch::powerpc: return "powerpc";
    case Arch::x86_64: return "x86_64";
  }
  return "?";
}

inline constexpr Arch all_architectures[] = {Arch::aarch64, Arch::riscv64, Arch::powerpc,
                                             Arch::x86_64};

constexpr std::optional<Arch> arch_named(std::string_view word) {
  for (const Arch arch : all_architectures)
    if (name(arch) == word) return arch;
  return std::nullopt;
}

#if defined(__aarch64__)
constexpr Arch host_arch = Arch::aarch64;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr Arch host_arch = Arch::riscv64;
#elif defined(__powerpc__)
constexpr Arch host_arch = Arch::powerpc;
#elif defined(__x86_64__)
constexpr Arch host_arch = Arch::x86_64;
#else
#error "polyvisor does not know this architecture: add it to base/arch.h"
#endif

// This monitor's architecture in words, with its width where there are monitors of both, whose
// limits differ: "powerpc, 32 bits".
constexpr std::string_view monitor_name() {
  if (host_arch != Arch::powerpc) return name(host_arch);
  return sizeof(void*) == 4 ? "powerpc, 32 bits" : "powerpc, 64 bits";
}

// The most guest RAM that a monitor of this width can have mapped.
inline constexpr u64 max_guest_ram = sizeof(void*) == 4 ? 2_GiB : 16'384_GiB;

// Whether processor and kernel of this host have 64 bits, as only some PowerPC ones have; this
// program may be a 32-bit one all the same. Unlike uname's words the auxiliary vector does not
// depend on the caller's personality or width.
inline bool host_has_64_bits() {
  constexpr unsigned long feature_64 = 0x4000'0000;  // PPC_FEATURE_64 of Linux asm/cputable.h
  return host_arch != Arch::powerpc || (::getauxval(AT_HWCAP) & feature_64) != 0;
}

}  // namespace pv
