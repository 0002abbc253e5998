// Which KVM register stands for which of hv's, as tables that the compiler compares with hv's.
#pragma once

#include <span>
#include <string_view>

#include "hv/registers.h"

namespace pv::kvm {

struct RegisterId {
  const char* name;
  u64 id;
};

// Whether `ids` names the registers of `table` from `first` on, one by one.
constexpr bool names_match(hv::RegisterTable table, usize first, std::span<const RegisterId> ids) {
  for (usize i = 0; i < ids.size(); ++i)
    if (std::string_view(table[first + i].name) != ids[i].name) return false;
  return true;
}

}  // namespace pv::kvm
