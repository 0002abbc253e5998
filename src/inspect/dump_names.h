// Register names as dumps write them, in terms of hv::register_table.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/arch.h"

namespace pv::inspect::dump_names {

// "X07", "RFL", "x8/s0", "NIP" as the table calls them; empty: not in the table.
std::string canonical(Arch arch, std::string_view name);

// The architecture that alone has a register of this name.
std::optional<Arch> betrays(std::string_view name);

}  // namespace pv::inspect::dump_names
