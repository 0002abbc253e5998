#include "trace/format.h"

#include <array>

namespace pv::trace {

std::string_view name(Cause cause) {
  constexpr std::array<std::string_view, cause_count> names = {"?",
                                                               "mmio-read",
                                                               "mmio-write",
                                                               "port-read",
                                                               "port-write",
                                                               "hypercall",
                                                               "nisv",
                                                               "unemulated",
                                                               "debug",
                                                               "fail-entry",
                                                               "internal-error",
                                                               "system-event",
                                                               "triple-fault",
                                                               "halted",
                                                               "interrupted",
                                                               "unknown",
                                                               "step",
                                                               "lost",
                                                               "mark"};
  const usize i = static_cast<usize>(cause);
  return i < names.size() ? names[i] : names[0];
}

std::optional<Arch> arch_of(u8 number) {
  for (Arch arch : all_architectures)
    if (number_of(arch) == number) return arch;
  return std::nullopt;
}

}  // namespace pv::trace
